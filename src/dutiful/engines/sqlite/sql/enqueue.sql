INSERT INTO dutiful_job (
  id, task, queue, state, priority, args, max_attempts, enqueued_at, run_at, expires_at,
  unique_key, unique_states, tags, meta
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
