-- Reads and stores whole jobs for a copy between two stores.

-- name: identity
-- The id that a store was given when it was made; empty if it has none.
SELECT coalesce(max(store), '') FROM {schema}.fence

-- name: fence_floor
-- The highest fence of all deleted jobs.
SELECT coalesce(max(floor), 0) FROM {schema}.fence

-- name: fence_lift
-- Raises that floor, as jobs of another store are stored here.
UPDATE {schema}.fence SET floor = $1 WHERE floor < $1

-- name: dump
-- Whole jobs, page by page.
SELECT
  seq, id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
  started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
FROM {schema}.job WHERE id > $1 ORDER BY id LIMIT $2

-- name: dump_failures
SELECT job.id, f.attempt, f.at, f.worker, f.type, f.message, f.traceback
FROM {schema}.job AS job JOIN {schema}.failure AS f
  ON f.seq = job.seq AND f.job_id IN (job.id, '')
WHERE job.id = ANY ($1::text[]) ORDER BY job.id, f.fence

-- name: same
-- Jobs as they are, locked, so that only those that have not changed are deleted.
SELECT
  seq, id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
  started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
FROM {schema}.job WHERE id = ANY ($1::text[]) ORDER BY id FOR UPDATE

-- name: fill
-- Numbered in the order of the arrays, stored in that of their keys as by `enqueue_keys`. A job
-- whose id or key is taken is skipped.
INSERT INTO {schema}.job (
  seq, id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
  started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
)
SELECT given.* FROM (SELECT nextval({sequence}::regclass), record.* FROM unnest(
  $1::text[], $2::text[], $3::text[], $4::smallint[], $5::smallint[], $6::bytea[], $7::integer[],
  $8::integer[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
  $14::integer[], $15::integer[], $16::text[], $17::text[], $18::bigint[], $19::boolean[],
  $20::text[], $21::smallint[], $22::text[], $23::text[], $24::bytea[], $25::integer[],
  $26::bigint[]
) AS record) AS given (
  seq, id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
  started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
)
ORDER BY unique_key COLLATE "C", id COLLATE "C"
ON CONFLICT DO NOTHING
RETURNING id, seq

-- name: fill_failures
INSERT INTO {schema}.failure (seq, job_id, fence, attempt, at, worker, type, message, traceback)
SELECT * FROM unnest(
  $1::bigint[], $2::text[], $3::integer[], $4::integer[], $5::bigint[], $6::text[], $7::text[],
  $8::text[], $9::text[]
)

-- name: fill_steps
INSERT INTO {schema}.step (seq, job_id, place, name, result)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::integer[], $4::text[], $5::bytea[])
