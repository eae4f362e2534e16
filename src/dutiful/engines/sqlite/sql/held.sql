SELECT 1 FROM dutiful_job WHERE seq = ? AND fence = ? AND state = 2 AND id = ?
