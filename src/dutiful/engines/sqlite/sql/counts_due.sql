SELECT queue, state, count(*), NULL FROM dutiful_job INDEXED BY dutiful_job_due
WHERE state IN (0, 3) GROUP BY queue, state
