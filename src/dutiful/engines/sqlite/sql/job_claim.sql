-- Looks for jobs that are due, queues them and hands them to workers.

-- name: is_registered
-- Whether a worker is registered and not lost.
SELECT 1 FROM dutiful_worker WHERE id = ? AND lost = 0

-- name: due
-- Leaps from queue to queue along the index: as many steps as queues hold jobs for later.
WITH RECURSIVE line (queue) AS (
  SELECT (
    SELECT queue FROM dutiful_job INDEXED BY dutiful_job_due WHERE state IN (0, 3)
    ORDER BY queue LIMIT 1
  )
  UNION ALL
  SELECT (
    SELECT queue FROM dutiful_job INDEXED BY dutiful_job_due
    WHERE state IN (0, 3) AND queue > line.queue ORDER BY queue LIMIT 1
  )
  FROM line WHERE line.queue IS NOT NULL
)
SELECT queue, (
  SELECT run_at FROM dutiful_job INDEXED BY dutiful_job_due
  WHERE state IN (0, 3) AND queue = line.queue ORDER BY run_at LIMIT 1
)
FROM line WHERE queue IS NOT NULL

-- name: ready
-- Whether a queue has a job to claim.
SELECT 1 FROM dutiful_job INDEXED BY dutiful_job_ready WHERE state = 1 AND queue = ? LIMIT 1

-- name: stage
-- Queues what has become due, the earliest first.
UPDATE dutiful_job SET state = 1 WHERE seq IN (
  SELECT seq FROM dutiful_job INDEXED BY dutiful_job_due
  WHERE state IN (0, 3) AND queue = ? AND run_at <= ? ORDER BY run_at LIMIT ?
)

-- name: claim
-- Claims the first jobs of a queue.
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

-- name: aside_due, aside_ready
-- Of rows that have become due; `aside_ready` does so for queued ones.
-- When a row with an unknown set of states changes, another row may hold its key. It runs without
-- a worker, so that a rescuer makes it dead, and its new set of states holds no key.
UPDATE dutiful_job SET
  state = 2, worker = NULL, started_at = ?, fence = min(fence, 2147483646) + 1,
  unique_states = -32768
WHERE seq IN (
  SELECT seq FROM (
    SELECT seq, unique_states FROM dutiful_job
    INDEXED BY dutiful_job_due  -- only: aside_due
    WHERE state IN (0, 3) AND queue = ? AND run_at <= ?  -- only: aside_due
    ORDER BY run_at LIMIT ?  -- only: aside_due
    INDEXED BY dutiful_job_ready  -- only: aside_ready
    WHERE state = 1 AND queue = ?  -- only: aside_ready
    ORDER BY priority DESC, run_at, seq LIMIT ?  -- only: aside_ready
  )
  WHERE typeof(unique_states) <> 'integer' OR unique_states NOT IN
    (0, 15, 31, 47, 63, 79, 95, 111, 127)
)
