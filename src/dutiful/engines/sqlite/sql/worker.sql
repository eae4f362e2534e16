-- Registers workers, prolongs their leases, and finds the claims of those that are lost.

-- name: join
-- Registers a worker, unless it was declared lost.
INSERT INTO dutiful_worker (
  id, queues, concurrency, lease, host, pid, born, version,
  joined_at, renewed_at, renewed_ticks, boot, lost
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
ON CONFLICT (id) DO UPDATE SET
  queues = excluded.queues, concurrency = excluded.concurrency, lease = excluded.lease,
  host = excluded.host, pid = excluded.pid, born = excluded.born, version = excluded.version,
  joined_at = excluded.joined_at, renewed_at = excluded.renewed_at,
  renewed_ticks = excluded.renewed_ticks, boot = excluded.boot
WHERE lost = 0

-- name: renew
-- Prolongs a lease, unless the worker was declared lost.
UPDATE dutiful_worker SET
  renewed_at = ?, renewed_ticks = ?, boot = ?, stalled_for = ?, report = coalesce(?, report)
WHERE id = ? AND lost = 0
RETURNING ordered

-- name: order
-- Orders a worker to stop claiming or to end, with NULL to serve, unless it was declared lost.
UPDATE dutiful_worker SET ordered = ? WHERE id = ? AND lost = 0 RETURNING id

-- name: lease
SELECT lease FROM dutiful_worker WHERE id = ?

-- name: leases
-- The leases of the workers that are not lost.
SELECT rowid, id, lease, renewed_ticks, boot FROM dutiful_worker WHERE lost = 0

-- name: leave
DELETE FROM dutiful_worker WHERE id = ?

-- name: workers
-- All workers, and how many jobs each runs.
SELECT
  id, queues, concurrency, lease, host, pid, born, version,
  joined_at, renewed_at, renewed_ticks, boot, lost, stalled_for, report, ordered,
  (SELECT count(*) FROM dutiful_job INDEXED BY dutiful_job_running
   WHERE state = 2 AND worker = dutiful_worker.id)
FROM dutiful_worker ORDER BY joined_at

-- name: other_releases
-- Live workers of another release.
SELECT id FROM dutiful_worker
WHERE version <> ? AND lost = 0 AND boot = ? AND ? - renewed_ticks <= lease

-- name: claimed
-- The jobs that a worker runs, without those that it knows.
SELECT
  seq, id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
  started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
FROM dutiful_job INDEXED BY dutiful_job_running
WHERE state = 2 AND worker = ? AND id NOT IN (SELECT value FROM json_each(?))

-- name: cancel_requests
-- The jobs that a worker runs and is asked to stop.
SELECT id FROM dutiful_job INDEXED BY dutiful_job_running
WHERE state = 2 AND worker = ? AND cancel_requested = 1

-- name: mark_lost
-- Declares a worker lost.
UPDATE dutiful_worker SET lost = 1 WHERE rowid = ? AND lost = 0

-- name: abandoned
-- The running jobs of lost and of unknown workers.
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

-- name: lost_without_claims
-- Lost workers that hold no claim any more.
SELECT rowid FROM dutiful_worker WHERE lost <> 0 AND NOT EXISTS (
  SELECT 1 FROM dutiful_job INDEXED BY dutiful_job_running
  WHERE state = 2 AND worker = dutiful_worker.id
)

-- name: forget
-- Deletes a lost worker.
DELETE FROM dutiful_worker WHERE rowid = ? AND lost <> 0
