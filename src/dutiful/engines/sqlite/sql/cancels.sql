SELECT id FROM dutiful_job INDEXED BY dutiful_job_running
WHERE state = 2 AND worker = ? AND cancel_requested = 1
