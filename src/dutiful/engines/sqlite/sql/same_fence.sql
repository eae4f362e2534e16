SELECT 1 FROM dutiful_job WHERE seq = ? AND fence = ? AND id = ?
