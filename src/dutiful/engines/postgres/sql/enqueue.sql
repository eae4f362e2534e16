-- Jobs in the order of the arrays, but for those whose id or key is taken. It is a part of a
-- transaction, at whose end the trigger on the tally looks for sleepers.
WITH given AS (
  SELECT *, coalesce($15::bigint, {now}) AS now
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
    id, task, queue, state, priority, args, max_attempts, enqueued_at, run_at, expires_at,
    unique_key, unique_states, tags, meta
  )
  SELECT
    id, task, queue, CASE WHEN coalesce(run_at, now + delay) > now THEN 0 ELSE 1 END, priority,
    args, max_attempts, now, coalesce(run_at, now + delay),
    greatest(coalesce(run_at, now + delay), now) + expires_in,
    CASE WHEN period IS NULL THEN unique_key
      ELSE unique_key || E'\x1f' || period::text || ':' || (now / period)::text END,
    unique_states, tags, meta
  FROM given
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
