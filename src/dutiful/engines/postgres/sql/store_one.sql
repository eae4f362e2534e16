-- As store.sql, for a single job that is due at once and has neither expiry, tags nor meta.
WITH stored AS (
  INSERT INTO {schema}.job (
    id, task, queue, state, priority, args, max_attempts, enqueued_at, run_at
  )
  SELECT $1, $2, $3, 1, $4::smallint, $5::bytea, $6::integer, now, now
  FROM (SELECT coalesce($7::bigint, {now}) AS now) AS clock
  RETURNING 1
), tallied AS (
  INSERT INTO {schema}.tally (name, count, queues)
  SELECT 'enqueued', 1 / count(*), CASE WHEN $8::boolean THEN ARRAY[$3] END FROM stored
)
SELECT {schema}.wake_some(ARRAY[$3], 1)::text
WHERE NOT $8::boolean AND EXISTS (SELECT FROM {schema}.sleeper)
