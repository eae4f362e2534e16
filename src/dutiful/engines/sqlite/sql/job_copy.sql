-- Reads and stores whole jobs for a copy between two stores.

-- name: identity
-- The id that a store was given when it was made; empty if it has none.
SELECT coalesce(max(store), '') FROM dutiful_fence

-- name: fence_floor
-- The highest fence of all deleted jobs.
SELECT coalesce(max(floor), 0) FROM dutiful_fence

-- name: fence_lift
-- Raises that floor, as jobs of another store are stored here.
UPDATE dutiful_fence SET floor = max(floor, ?)

-- name: dump
-- Whole jobs, page by page.
SELECT
  seq, id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
  started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
FROM dutiful_job WHERE seq > ? ORDER BY seq LIMIT ?

-- name: dump_failures
SELECT seq, attempt, at, worker, type, message, traceback FROM dutiful_failure
WHERE seq BETWEEN ? AND ? ORDER BY seq, fence

-- name: dump_steps
SELECT seq, name, result FROM dutiful_step WHERE seq BETWEEN ? AND ? ORDER BY seq, rowid

-- name: fill
-- Stores a job as it is. One whose id or key is taken is skipped.
INSERT INTO dutiful_job (
  id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
  started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING

-- name: fill_failures
-- An error's own fence is not known: it is counted back from the job's.
INSERT INTO dutiful_failure (seq, fence, attempt, at, worker, type, message, traceback)
SELECT seq, fence - ?, ?, ?, ?, ?, ?, ? FROM dutiful_job WHERE id = ?

-- name: fill_steps
INSERT INTO dutiful_step (seq, name, result) SELECT seq, ?, ? FROM dutiful_job WHERE id = ?
