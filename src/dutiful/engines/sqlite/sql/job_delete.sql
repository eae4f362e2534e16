-- Deletes jobs with all that belongs to them.

-- name: prunable
-- Jobs of one state that ended before a time.
SELECT seq FROM dutiful_job INDEXED BY dutiful_job_final
WHERE state >= 4 AND state = ? AND finished_at < ? ORDER BY finished_at LIMIT ?

-- name: delete
DELETE FROM dutiful_job WHERE seq = ?

-- name: delete_failures
DELETE FROM dutiful_failure WHERE seq = ?

-- name: delete_steps
DELETE FROM dutiful_step WHERE seq = ?

-- name: fence_raise
-- Before jobs are deleted. A higher fence was not reached by claims: see core/fence.py.
UPDATE dutiful_fence SET floor = max(floor, (
  SELECT coalesce(max(fence), 0) FROM dutiful_job
  WHERE seq IN (SELECT value FROM json_each(?)) AND fence < 2000000000
))
