-- Looks for jobs that are due, queues them and hands them to workers.

-- name: look
-- Leaps from queue to queue along the index: as many steps as queues hold jobs for later.
WITH RECURSIVE line (queue) AS (
  (SELECT queue FROM {schema}.job WHERE state IN (0, 3) ORDER BY queue LIMIT 1)
  UNION ALL
  SELECT (
    SELECT queue FROM {schema}.job
    WHERE state IN (0, 3) AND queue > line.queue ORDER BY queue LIMIT 1
  )
  FROM line WHERE line.queue IS NOT NULL
)
SELECT
  coalesce($2::bigint, {now}),
  EXISTS (SELECT FROM {schema}.worker WHERE id = $1 AND NOT lost),
  ARRAY(SELECT name FROM {schema}.queue),
  ARRAY(SELECT queue FROM line WHERE queue IS NOT NULL),
  ARRAY(
    SELECT (
      SELECT run_at FROM {schema}.job
      WHERE state IN (0, 3) AND queue = line.queue ORDER BY run_at LIMIT 1
    )
    FROM line WHERE queue IS NOT NULL
  )

-- name: ready, ready_behind
-- Whether a queue has a job to claim; `ready_behind` looks only behind a place in the line, as
-- `claim_behind` does.
SELECT EXISTS (
  SELECT FROM {schema}.job
  WHERE state = 1 AND queue = $1
    AND (-priority, run_at, seq) > ($2::integer, $3::bigint, $4::bigint)  -- only: ready_behind
)

-- name: stage
-- Queues what has become due, the earliest first.
-- The rows are named by their place alone, for the reason in `claim`.
UPDATE {schema}.job SET state = 1
WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM {schema}.job
  WHERE state IN (0, 3) AND queue = $1 AND run_at <= coalesce($3::bigint, {now})
  ORDER BY run_at LIMIT $2 FOR UPDATE SKIP LOCKED
))

-- name: due_next
-- When the first job behind those that are due becomes due itself.
SELECT run_at FROM {schema}.job
WHERE state IN (0, 3) AND queue = $1 AND run_at > $2::bigint ORDER BY run_at LIMIT 1

-- name: claim, claim_behind
-- Claims the first jobs of a queue; `claim_behind` only those behind a place in the line ($5 to
-- $7).
-- The rows selected above are locked and cannot have changed. If their state were a condition
-- again, the planner would scan the whole index of ready jobs, with dead entries, whenever it
-- expects that almost none are ready. A lost worker gets no job, and a paused queue gives none,
-- even if the exchange did not check that before.
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
    AND (-priority, run_at, seq) > ($5::integer, $6::bigint, $7::bigint)  -- only: claim_behind
    AND EXISTS (SELECT FROM {schema}.worker WHERE id = $1 AND NOT lost)
    AND NOT EXISTS (SELECT FROM {schema}.queue WHERE name = $2)
  ORDER BY -priority, run_at, seq LIMIT $3 FOR UPDATE SKIP LOCKED
))
RETURNING
  -priority, run_at, seq, id, task, NULL, NULL, NULL, args, attempt, max_attempts, enqueued_at,
  NULL, started_at, finished_at, expires_at, crashes, fence, NULL, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at

-- name: aside_due, aside_ready
-- Takes rows that no index of ready jobs can hold, or whose unique key a move would have to take,
-- out of those that have become due; `aside_ready` does so for queued rows. They run without a
-- worker, so a rescuer makes them dead. An unknown set of states becomes the one in which the job
-- holds its key in no state.
UPDATE {schema}.job SET
  state = 2, worker = NULL, started_at = coalesce($3::bigint, {now}),
  fence = least(fence, 2147483646) + 1,
  unique_states = CASE WHEN unique_states IN
    (0, 15, 31, 47, 63, 79, 95, 111, 127) THEN unique_states
    ELSE -32768 END
WHERE id = ANY (ARRAY(
  SELECT id FROM {schema}.job
  WHERE state + 0 IN (0, 3)  -- only: aside_due
  WHERE state + 0 = 1  -- only: aside_ready
    AND id = ANY (ARRAY(
    SELECT id FROM (
      SELECT id, queue, priority, unique_states FROM {schema}.job
      WHERE state IN (0, 3) AND queue = $1  -- only: aside_due
        AND run_at <= coalesce($3::bigint, {now})  -- only: aside_due
      ORDER BY run_at LIMIT $2  -- only: aside_due
      WHERE state = 1 AND queue = $1  -- only: aside_ready
      ORDER BY -priority, run_at, seq LIMIT $2  -- only: aside_ready
    ) AS next
    WHERE priority = -32768 OR unique_states NOT IN (0, 15, 31, 47, 63, 79, 95, 111, 127)
      OR octet_length(queue) > 2600
  ))
  FOR UPDATE SKIP LOCKED
))
