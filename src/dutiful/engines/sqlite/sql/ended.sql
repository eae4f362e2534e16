SELECT seq, unique_key, unique_states, meta, reason, task, args FROM dutiful_job
WHERE id = ? AND state IN (5, 6)
