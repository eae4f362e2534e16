-- The fence is as core/fence.py says.
UPDATE dutiful_job SET
  state = 2, attempt = min(attempt + 1, 2147483647), worker = ?, started_at = ?,
  fence = min(
    max(fence, (SELECT coalesce(max(floor), 0) FROM dutiful_fence)), 2147483646
  ) + 1
WHERE seq IN (
  SELECT seq FROM dutiful_job INDEXED BY dutiful_job_ready
  WHERE state = 1 AND queue = ? ORDER BY priority DESC, run_at, seq LIMIT ?
)
RETURNING
  seq, id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
  started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
