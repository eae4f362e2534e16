-- The rows just named are locked and cannot have changed. Were their state asked for again, the
-- planner would walk all of the index of ready jobs, dead entries too, to find them, whenever it
-- believes that next to none are ready. A lost worker gets nothing and a paused queue gives
-- nothing, also where nobody has looked before.
-- The fence is as core/fence.py says.
-- A row begins with what orders the line, then come a job's columns; NULL is what the worker knows.
UPDATE {schema}.job SET
  state = 2, attempt = least(attempt, 2147483646) + 1, worker = $1,
  started_at = coalesce($4::bigint, {now}),
  fence = least(
    greatest(fence, coalesce((SELECT floor FROM {schema}.fence LIMIT 1), 0)), 2147483646
  ) + 1
WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM {schema}.job
  WHERE state = 1 AND queue = $2
    AND EXISTS (SELECT FROM {schema}.worker WHERE id = $1 AND NOT lost)
    AND NOT EXISTS (SELECT FROM {schema}.queue WHERE name = $2)
  ORDER BY -priority, run_at, seq LIMIT $3 FOR UPDATE SKIP LOCKED
))
RETURNING
  -priority, run_at, seq, id, task, NULL, NULL, NULL, args, attempt, max_attempts, enqueued_at,
  NULL, started_at, finished_at, expires_at, crashes, fence, NULL, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
