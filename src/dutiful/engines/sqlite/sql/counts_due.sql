SELECT queue, 0, sum(state = 0), NULL FROM dutiful_job INDEXED BY dutiful_job_due
WHERE state IN (0, 3) GROUP BY queue
UNION ALL
SELECT queue, 3, sum(state = 3), NULL FROM dutiful_job INDEXED BY dutiful_job_due
WHERE state IN (0, 3) GROUP BY queue
