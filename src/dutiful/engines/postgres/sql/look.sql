-- Leaps from queue to queue along the index: as many steps as queues hold jobs for later.
WITH RECURSIVE line (queue) AS (
  (SELECT queue FROM {schema}.job WHERE state IN (0, 3) ORDER BY queue LIMIT 1)
  UNION ALL
  SELECT (
    SELECT queue FROM {schema}.job
    WHERE state IN (0, 3) AND queue > line.queue ORDER BY queue LIMIT 1
  )
  FROM line WHERE line.queue IS NOT NULL
)
SELECT
  coalesce($2::bigint, {now}),
  EXISTS (SELECT FROM {schema}.worker WHERE id = $1 AND NOT lost),
  ARRAY(SELECT name FROM {schema}.queue),
  ARRAY(SELECT queue FROM line WHERE queue IS NOT NULL),
  ARRAY(
    SELECT (
      SELECT run_at FROM {schema}.job
      WHERE state IN (0, 3) AND queue = line.queue ORDER BY run_at LIMIT 1
    )
    FROM line WHERE queue IS NOT NULL
  )
