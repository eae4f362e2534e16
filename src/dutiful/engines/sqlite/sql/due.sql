-- Leaps from queue to queue along the index: as many steps as queues hold jobs for later.
WITH RECURSIVE line (queue) AS (
  SELECT (
    SELECT queue FROM dutiful_job INDEXED BY dutiful_job_due WHERE state IN (0, 3)
    ORDER BY queue LIMIT 1
  )
  UNION ALL
  SELECT (
    SELECT queue FROM dutiful_job INDEXED BY dutiful_job_due
    WHERE state IN (0, 3) AND queue > line.queue ORDER BY queue LIMIT 1
  )
  FROM line WHERE line.queue IS NOT NULL
)
SELECT queue, (
  SELECT run_at FROM dutiful_job INDEXED BY dutiful_job_due
  WHERE state IN (0, 3) AND queue = line.queue ORDER BY run_at LIMIT 1
)
FROM line WHERE queue IS NOT NULL
