SELECT queue, 1, count(*), min(run_at), 0 FROM dutiful_job INDEXED BY dutiful_job_ready
WHERE state = 1 GROUP BY queue
