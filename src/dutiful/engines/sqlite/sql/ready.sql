SELECT 1 FROM dutiful_job INDEXED BY dutiful_job_ready WHERE state = 1 AND queue = ? LIMIT 1
