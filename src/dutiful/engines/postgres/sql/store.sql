-- Plain jobs, in the order of the arrays. An id that is stored already is an error, and so is a row
-- that a trigger keeps from being stored (22012, division by zero). Sleepers are chosen by the same
-- statement, unless it is a part of a transaction, which would keep their rows till its end: then
-- the trigger on the tally looks for them ($13).
WITH stored AS (
  INSERT INTO {schema}.job (
    id, task, queue, state, priority, args, max_attempts, enqueued_at, run_at, expires_at,
    tags, meta
  )
  SELECT
    id, task, queue, CASE WHEN coalesce(run_at, now + delay) > now THEN 0 ELSE 1 END, priority,
    args, max_attempts, now, coalesce(run_at, now + delay),
    greatest(coalesce(run_at, now + delay), now) + expires_in, tags, meta
  FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::smallint[], $5::bytea[], $6::integer[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::text[], $11::text[]
  ) AS given (
    id, task, queue, priority, args, max_attempts, delay, run_at, expires_in, tags, meta
  ), (SELECT coalesce($12::bigint, {now}) AS now) AS clock
  RETURNING 1
), tallied AS (
  INSERT INTO {schema}.tally (name, count, queues)
  SELECT
    'enqueued', count(*) / (count(*) = pg_catalog.cardinality($1))::integer,
    CASE WHEN $13::boolean THEN $14::text[] END
  FROM stored
)
SELECT {schema}.wake_some($14::text[], $15::bigint)::text
WHERE NOT $13::boolean AND $15 > 0 AND EXISTS (SELECT FROM {schema}.sleeper)
