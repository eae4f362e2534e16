SELECT queue, state, count(*), NULL, 0 FROM dutiful_job INDEXED BY dutiful_job_final
WHERE state >= 4 GROUP BY queue, state
