-- Also jobs without a worker's name, and while a worker's row has none.
SELECT
  seq, id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
  started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
FROM dutiful_job INDEXED BY dutiful_job_running
WHERE state = 2 AND NOT EXISTS (
  SELECT 1 FROM dutiful_worker WHERE id = dutiful_job.worker AND lost = 0
)
ORDER BY started_at, seq LIMIT ?
