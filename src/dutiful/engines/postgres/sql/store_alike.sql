-- As store.sql, for jobs that differ in id and arguments alone: two arrays instead of eleven.
WITH stored AS (
  INSERT INTO {schema}.job (
    id, task, queue, state, priority, args, max_attempts, enqueued_at, run_at, expires_at,
    tags, meta
  )
  SELECT
    id, $3, $4, CASE WHEN due > now THEN 0 ELSE 1 END, $5::smallint, args, $6::integer, now, due,
    greatest(due, now) + $9::bigint, $10, $11
  FROM unnest($1::text[], $2::bytea[]) AS given (id, args), (
    SELECT now, coalesce($8::bigint, now + $7::bigint) AS due
    FROM (SELECT coalesce($12::bigint, {now}) AS now) AS clock
  ) AS clock
  RETURNING 1
), tallied AS (
  INSERT INTO {schema}.tally (name, count, queues)
  SELECT
    'enqueued', count(*) / (count(*) = pg_catalog.cardinality($1))::integer,
    CASE WHEN $13::boolean THEN ARRAY[$4] END
  FROM stored
)
SELECT {schema}.wake_some(ARRAY[$4], pg_catalog.cardinality($1))::text
WHERE NOT $13::boolean AND $14::boolean AND EXISTS (SELECT FROM {schema}.sleeper)
