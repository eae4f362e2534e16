-- Changes jobs on request: cancels, runs now, redrives.

-- name: cancel
-- Cancels jobs that wait, and asks running ones to stop.
-- A set of states that is none of ours must not hold the key when the row moves.
UPDATE {schema}.job SET
  state = CASE WHEN state = 2 THEN 2 ELSE 6 END,
  cancel_requested = state = 2,
  finished_at = CASE WHEN state = 2 THEN finished_at ELSE coalesce($2::bigint, {now}) END,
  reason = CASE WHEN state = 2 THEN reason ELSE 'cancelled' END,
  parked_at = CASE WHEN state = 2 THEN parked_at END,
  unique_states = CASE WHEN unique_states IN
    (0, 15, 31, 47, 63, 79, 95, 111, 127) THEN unique_states
    ELSE -32768 END
WHERE id = ANY (ARRAY(
  SELECT id FROM {schema}.job WHERE id = ANY ($1::text[]) AND state IN (0, 1, 2, 3)
  ORDER BY id FOR UPDATE
))
RETURNING id

-- name: run_now
-- Queues jobs that wait for their time.
-- The sum keeps the planner from the index of jobs for later, which may be long.
-- A row that no index of ready jobs can hold stays, and one with a set of states that is none of
-- ours must not hold its key when it moves.
UPDATE {schema}.job SET
  state = 1, run_at = coalesce($2::bigint, {now}),
  unique_states = CASE WHEN unique_states IN
    (0, 15, 31, 47, 63, 79, 95, 111, 127) THEN unique_states
    ELSE -32768 END
WHERE id = ANY (ARRAY(
  SELECT id FROM {schema}.job WHERE id = ANY ($1::text[]) AND state + 0 IN (0, 3)
    AND priority > -32768 AND octet_length(queue) <= 2600
  ORDER BY id FOR UPDATE
))
RETURNING id, queue

-- name: ended
-- What redriving must know of a dead or cancelled job.
SELECT unique_key, unique_states, meta, reason, queue, task, args FROM {schema}.job
WHERE id = $1 AND state + 0 IN (5, 6) FOR UPDATE

-- name: redrive
-- Queues a dead or cancelled job again, with new attempts.
UPDATE {schema}.job SET
  state = 1, args = coalesce($2::bytea, args), attempt = 0, crashes = 0, run_at = clock.now,
  redriven_at = clock.now, finished_at = NULL, expires_at = NULL, reason = NULL,
  parked_at = NULL, cancel_requested = false, meta = $3,
  unique_states = CASE WHEN unique_states IN
    (0, 15, 31, 47, 63, 79, 95, 111, 127) THEN unique_states
    ELSE -32768 END
FROM (SELECT coalesce($4::bigint, {now}) AS now) AS clock
WHERE id = $1 AND priority > -32768 AND octet_length(queue) <= 2600
