SELECT id FROM dutiful_job WHERE seq = ?
