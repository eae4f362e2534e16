-- Ends the attempts of running jobs: each statement writes only what a claim still guards.

-- name: held
-- Whether a claim is valid: the job still runs under the claim's fence.
SELECT 1 FROM dutiful_job WHERE seq = ? AND fence = ? AND state = 2 AND id = ?

-- name: same_fence
-- Whether the fence is still that of the claim, in any state of the job.
SELECT 1 FROM dutiful_job WHERE seq = ? AND fence = ? AND id = ?

-- name: fail
-- Records the error of an attempt.
-- Runs before the settlement and under the same guard, so that a refused one leaves no error.
INSERT OR IGNORE INTO dutiful_failure (seq, fence, attempt, at, worker, type, message, traceback)
SELECT seq, fence, ?, ?, ?, ?, ?, ? FROM dutiful_job
WHERE seq = ? AND fence = ? AND state = 2 AND id = ?

-- name: succeed
-- Ends an attempt with success.
UPDATE dutiful_job SET
  state = 4, result = ?, finished_at = ?, worker = NULL, reason = NULL, parked_at = NULL,
  cancel_requested = 0
WHERE seq = ? AND fence = ? AND state = 2 AND id = ?

-- name: settle_end
-- Ends an attempt and with it the job.
UPDATE dutiful_job SET
  state = ?, result = ?, finished_at = ?, attempt = ?, crashes = ?, reason = ?, parked_at = ?,
  fence = min(fence + ?, 2147483647), worker = NULL, cancel_requested = 0
WHERE seq = ? AND fence = ? AND state = 2 AND id = ?

-- name: settle_back
-- Ends an attempt of a job that runs again.
-- A job whose cancellation was requested does not come back.
UPDATE dutiful_job SET
  state = iif(cancel_requested, 6, ?),
  run_at = iif(cancel_requested, run_at, coalesce(?, run_at)),
  finished_at = iif(cancel_requested, ?, NULL),
  reason = iif(cancel_requested, 'cancelled', ?),
  result = ?, attempt = ?, crashes = ?, parked_at = ?, fence = min(fence + ?, 2147483647),
  worker = NULL, cancel_requested = 0
WHERE seq = ? AND fence = ? AND state = 2 AND id = ?

-- name: unhold
-- The end of a row with a set of states that is none of ours may meet another row of its key.
UPDATE dutiful_job SET unique_states = -32768 WHERE seq = ? AND fence = ? AND state = 2 AND id = ?
