-- As store.sql, for a single job.
WITH stored AS (
  INSERT INTO {schema}.job (
    id, task, queue, state, priority, args, max_attempts, enqueued_at, run_at, expires_at,
    tags, meta
  )
  SELECT
    $1, $2, $3, CASE WHEN coalesce($8, now + $7) > now THEN 0 ELSE 1 END, $4::smallint,
    $5::bytea, $6::integer, now, coalesce($8::bigint, now + $7::bigint),
    greatest(coalesce($8, now + $7), now) + $9::bigint, $10, $11
  FROM (SELECT coalesce($12::bigint, {now}) AS now) AS clock
), tallied AS (
  INSERT INTO {schema}.tally (name, count, queues)
  VALUES ('enqueued', 1, CASE WHEN $13::boolean THEN ARRAY[$3] END)
)
SELECT {schema}.wake(ARRAY[$3], 1)::text
WHERE NOT $13::boolean AND $14::boolean AND EXISTS (SELECT FROM {schema}.sleeper)
