-- Changes jobs on request: cancels, runs now, redrives.

-- name: cancel
-- Cancels a job that waits; `cancel_running` asks a running one to stop.
-- A set of states that is none of ours must not hold the key when the row moves.
UPDATE dutiful_job SET
  state = 6, finished_at = ?, reason = 'cancelled', parked_at = NULL,
  unique_states = iif(
    typeof(unique_states) = 'integer' AND unique_states IN (0, 15, 31, 47, 63, 79, 95, 111, 127),
    unique_states, -32768
  )
WHERE id = ? AND state IN (0, 1, 3)

-- name: cancel_running
UPDATE dutiful_job SET cancel_requested = 1 WHERE id = ? AND state = 2

-- name: run_now
-- Queues jobs that wait for their time.
-- A set of states that is none of ours must not hold the key when the row moves.
UPDATE dutiful_job SET
  state = 1, run_at = ?,
  unique_states = iif(
    typeof(unique_states) = 'integer' AND unique_states IN (0, 15, 31, 47, 63, 79, 95, 111, 127),
    unique_states, -32768
  )
WHERE id = ? AND state IN (0, 3)

-- name: ended
-- What redriving must know of a dead or cancelled job.
SELECT seq, unique_key, unique_states, meta, reason, task, args FROM dutiful_job
WHERE id = ? AND state IN (5, 6)

-- name: redrive
-- Queues a dead or cancelled job again, with new attempts.
-- A set of states that is none of ours must not hold the key when the row moves.
UPDATE dutiful_job SET
  state = 1, args = coalesce(?, args), attempt = 0, crashes = 0, run_at = ?, redriven_at = ?,
  finished_at = NULL, expires_at = NULL, reason = NULL, parked_at = NULL, cancel_requested = 0,
  meta = ?,
  unique_states = iif(
    typeof(unique_states) = 'integer' AND unique_states IN (0, 15, 31, 47, 63, 79, 95, 111, 127),
    unique_states, -32768
  )
WHERE seq = ?
