UPDATE dutiful_job SET steps = 0 WHERE seq = ?
