SELECT
  seq, id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
  started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
FROM {schema}.job
WHERE state = 2 AND NOT EXISTS (
  SELECT FROM {schema}.worker WHERE worker.id = job.worker AND NOT lost
)
ORDER BY started_at, seq LIMIT $1
