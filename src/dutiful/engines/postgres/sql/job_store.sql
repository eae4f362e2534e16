-- Stores jobs, and asks which ids and unique keys are taken.

-- name: known
-- Which of the given ids are stored.
SELECT id FROM {schema}.job WHERE id = ANY ($1::text[])

-- name: holder
-- The job that holds a unique key now: its state is in its own set of states. With a period ($2)
-- the key is that of the present period.
SELECT id, state FROM {schema}.job
WHERE unique_key IS NOT NULL
  AND (unique_states OPERATOR(pg_catalog.>>) state) OPERATOR(pg_catalog.&) 1 = 1
  AND unique_key = CASE WHEN $2::bigint IS NULL THEN $1::text
    ELSE $1::text || E'\x1f' || $2::bigint::text || ':'
      || (coalesce($3::bigint, {now}) / $2::bigint)::text END

-- name: key_holder
-- As `holder`, for a key as it is stored, with its period.
SELECT id FROM {schema}.job
WHERE unique_key IS NOT NULL
  AND (unique_states OPERATOR(pg_catalog.>>) state) OPERATOR(pg_catalog.&) 1 = 1
  AND unique_key = $1

-- name: holders_lock
-- Lock the jobs that hold one of several keys and have not started, in the order in which every
-- statement locks jobs.
SELECT id FROM {schema}.job
WHERE unique_key IS NOT NULL
  AND (unique_states OPERATOR(pg_catalog.>>) state) OPERATOR(pg_catalog.&) 1 = 1
  AND state + 0 IN (0, 1, 3)
  AND unique_key = ANY (ARRAY(
    SELECT CASE WHEN period IS NULL THEN key
      ELSE key || E'\x1f' || period::text || ':'
        || (coalesce($3::bigint, {now}) / period)::text END
    FROM unnest($1::text[], $2::bigint[]) AS given (key, period)
  ))
ORDER BY id FOR UPDATE

-- name: enqueue, enqueue_keys
-- Jobs in the order of the arrays, but for those whose id or key is taken. It is a part of a
-- transaction, at whose end the trigger on the tally looks for listeners.
-- `enqueue_keys` is for jobs with several unique keys. They are stored in the order of their keys,
-- so that two transactions with the same keys do not deadlock. Their numbers are given out in the
-- order of the arrays, which is the order of the queue.
WITH given AS (
  SELECT *,
    nextval({sequence}::regclass) AS seq,  -- only: enqueue_keys
    coalesce($15::bigint, {now}) AS now
  FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::smallint[], $5::bytea[], $6::integer[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::text[], $11::bigint[], $12::smallint[], $13::text[],
    $14::text[]
  ) AS given (
    id, task, queue, priority, args, max_attempts, delay, run_at, expires_in, unique_key, period,
    unique_states, tags, meta
  )
), stored AS (
  INSERT INTO {schema}.job (
    seq,  -- only: enqueue_keys
    id, task, queue, state, priority, args, max_attempts, enqueued_at, run_at, expires_at,
    unique_key, unique_states, tags, meta
  )
  SELECT
    seq,  -- only: enqueue_keys
    id, task, queue, CASE WHEN coalesce(run_at, now + delay) > now THEN 0 ELSE 1 END, priority,
    args, max_attempts, now, coalesce(run_at, now + delay),
    greatest(coalesce(run_at, now + delay), now) + expires_in,
    CASE WHEN period IS NULL THEN unique_key
      ELSE unique_key || E'\x1f' || period::text || ':' || (now / period)::text END,
    unique_states, tags, meta
  FROM given
  ORDER BY unique_key COLLATE "C", now / period, id COLLATE "C"  -- only: enqueue_keys
  ON CONFLICT DO NOTHING
  RETURNING id, queue, state
), counted AS (
  SELECT
    count(*) AS jobs, pg_catalog.array_agg(DISTINCT queue) FILTER (WHERE state = 1) AS queues
  FROM stored
), tallied AS (
  INSERT INTO {schema}.tally (name, count, queues)
  SELECT 'enqueued', jobs, queues FROM counted WHERE jobs > 0
)
SELECT pg_catalog.array_agg(id) FROM stored

-- name: store
-- Plain jobs, in the order of the arrays. An id that is stored already is an error, and so is a row
-- that a trigger keeps from being stored (22012, division by zero). Listeners are chosen by the
-- same
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
WHERE NOT $13::boolean AND $15 > 0 AND EXISTS (SELECT FROM {schema}.listener)

-- name: store_alike
-- As `store`, for jobs that differ in id and arguments alone: two arrays instead of eleven.
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
WHERE NOT $13::boolean AND $14::boolean AND EXISTS (SELECT FROM {schema}.listener)

-- name: store_one
-- As `store`, for a single job that is due immediately and has neither expiry, tags nor meta.
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
WHERE NOT $8::boolean AND EXISTS (SELECT FROM {schema}.listener)

-- name: work
-- What a job that waits would run; the row is locked until the transaction ends.
SELECT task, args, meta FROM {schema}.job
WHERE id = $1 AND state + 0 IN (0, 1, 3) FOR UPDATE

-- name: replace
-- Gives a waiting job the work of a new one that has the same unique key.
UPDATE {schema}.job SET
  task = $2, queue = $3, priority = $4, args = $5, max_attempts = $6, run_at = due.run_at,
  state = CASE WHEN due.run_at > due.now THEN 0 ELSE 1 END,
  expires_at = greatest(due.run_at, due.now) + $9::bigint, tags = $10, meta = $11,
  reason = NULL, parked_at = NULL
FROM (
  SELECT now, coalesce($8::bigint, now + $7::bigint) AS run_at
  FROM (SELECT coalesce($12::bigint, {now}) AS now) AS clock
) AS due
WHERE id = $1 AND state IN (0, 1, 3)
RETURNING state
