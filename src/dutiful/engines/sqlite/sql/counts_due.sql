-- The times of both states stand in the first row: what is due waits, whichever it is.
SELECT
  queue, 0, sum(state = 0), min(CASE WHEN run_at <= ? THEN run_at END), sum(run_at <= ?)
FROM dutiful_job INDEXED BY dutiful_job_due
WHERE state IN (0, 3) GROUP BY queue
UNION ALL
SELECT queue, 3, sum(state = 3), NULL, 0 FROM dutiful_job INDEXED BY dutiful_job_due
WHERE state IN (0, 3) GROUP BY queue
