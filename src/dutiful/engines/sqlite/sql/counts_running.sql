SELECT queue, 2, count(*), NULL, 0 FROM dutiful_job INDEXED BY dutiful_job_running
WHERE state = 2 GROUP BY queue
