-- The sum keeps the planner from the index of ready jobs, whose every entry it would compare with
-- every place when it believes that there are none.
UPDATE {schema}.job SET
  state = 2, attempt = attempt + 1, fence = fence + 1, worker = $1,
  started_at = coalesce($4::bigint, {now})
WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM {schema}.job
  WHERE state = 1 AND queue = $2
  ORDER BY -priority, run_at, seq LIMIT $3 FOR UPDATE SKIP LOCKED
)) AND state + 0 = 1
RETURNING
  seq, id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
  started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
