SELECT unique_key, unique_states, meta, reason, queue, task, args FROM {schema}.job
WHERE id = $1 AND state + 0 IN (5, 6) FOR UPDATE
