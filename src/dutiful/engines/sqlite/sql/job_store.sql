-- Stores jobs, and asks which ids and unique keys are taken.

-- name: known
-- Whether an id is stored.
SELECT 1 FROM dutiful_job WHERE id = ?

-- name: known_some
-- Which of the given ids are stored.
SELECT id FROM dutiful_job WHERE id IN (SELECT value FROM json_each(?))

-- name: holder
-- The job that holds a unique key now: its state is in its own set of states.
SELECT +seq, +id, +state FROM dutiful_job INDEXED BY dutiful_job_unique
WHERE unique_key IS NOT NULL AND (unique_states >> state) & 1 AND unique_key = ?

-- name: enqueue
-- Stores a job, unless its id or its unique key is taken.
INSERT INTO dutiful_job (
  id, task, queue, state, priority, args, max_attempts, enqueued_at, run_at, expires_at,
  unique_key, unique_states, tags, meta
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING

-- name: work
-- What a job would run.
SELECT +task, +args, +meta FROM dutiful_job WHERE seq = ?

-- name: replace
-- Gives a waiting job the work of a new one that has the same unique key.
UPDATE dutiful_job SET
  task = ?, queue = ?, state = ?, priority = ?, args = ?, max_attempts = ?, run_at = ?,
  expires_at = ?, tags = ?, meta = ?, reason = NULL, parked_at = NULL
WHERE seq = ?
