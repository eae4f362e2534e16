-- Registers workers, prolongs their leases, and finds the claims of those that are lost.

-- name: join
-- Registers a worker, unless it was declared lost.
INSERT INTO {schema}.worker (
  id, queues, concurrency, lease, host, pid, born, version, joined_at, renewed_at
)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, now, now
FROM (SELECT coalesce($9::bigint, {now}) AS now) AS clock
ON CONFLICT (id) DO UPDATE SET
  queues = excluded.queues, concurrency = excluded.concurrency, lease = excluded.lease,
  host = excluded.host, pid = excluded.pid, born = excluded.born, version = excluded.version,
  joined_at = excluded.joined_at, renewed_at = excluded.renewed_at
WHERE NOT worker.lost
RETURNING renewed_at

-- name: renew
-- Touches only the rows of workers: a lock on the jobs, as a rewriting ALTER takes, must cost no
-- worker its lease. Also returns whether no worker needs rescue, and how many workers there are.
WITH renewed AS (
  UPDATE {schema}.worker SET
    renewed_at = coalesce($2::bigint, {now}), stalled_for = $3,
    report = coalesce($4::text, report)
  WHERE id = $1 AND NOT lost
  RETURNING renewed_at, ordered
)
SELECT
  (SELECT renewed_at FROM renewed),
  NOT EXISTS (
    SELECT FROM {schema}.worker
    WHERE lost OR stalled_for > 0
      OR abs(coalesce($2::bigint, {now})::numeric - renewed_at::numeric) > (lease / 2)::numeric
  ),
  (SELECT count(*) FROM {schema}.worker),
  (SELECT ordered FROM renewed)

-- name: order
-- Orders workers to stop claiming or to end, with NULL to serve, unless they were declared lost.
UPDATE {schema}.worker SET ordered = $2::text WHERE id = ANY ($1::text[]) AND NOT lost RETURNING id

-- name: leave
DELETE FROM {schema}.worker WHERE id = $1

-- name: workers
-- All workers, and how many jobs each runs.
SELECT
  coalesce($1::bigint, {now}) AS now, id, queues, concurrency, lease, host, pid, born, version,
  joined_at, renewed_at, lost, stalled_for, report, ordered,
  (SELECT count(*) FROM {schema}.job WHERE state = 2 AND job.worker = worker.id)
FROM {schema}.worker ORDER BY joined_at, id

-- name: other_releases
-- Live workers of another release.
SELECT id, version FROM {schema}.worker
WHERE version <> $1 AND NOT lost AND renewed_at + lease >= {now}
ORDER BY id

-- name: claimed
-- The jobs that a worker runs, without those that it knows: their ids are hashed, whatever the
-- planner expects.
SELECT
  seq, id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
  started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
FROM {schema}.job
WHERE state = 2 AND worker = $1 AND id NOT IN (SELECT pg_catalog.unnest($2::text[]))

-- name: claims_review
-- What a worker must know about the jobs: which of its own to cancel, whether it has any, and
-- whether any running job has no worker.
SELECT
  ARRAY(
    SELECT id FROM {schema}.job WHERE state = 2 AND worker = $1 AND cancel_requested
  ),
  EXISTS (SELECT FROM {schema}.job WHERE state = 2 AND worker = $1),
  EXISTS (
    SELECT FROM {schema}.job
    WHERE state = 2 AND NOT EXISTS (SELECT FROM {schema}.worker WHERE worker.id = job.worker)
  )

-- name: expire
-- Declares workers lost.
-- Only while the renewal that was judged is still the worker's last. A row that another session has
-- locked is left for the next turn, so that it does not delay the others.
UPDATE {schema}.worker SET lost = true
WHERE id IN (
  SELECT worker.id FROM {schema}.worker AS worker
  JOIN unnest($1::text[], $2::bigint[]) AS judged (id, renewed_at)
    ON worker.id = judged.id AND worker.renewed_at = judged.renewed_at
  WHERE NOT lost FOR UPDATE OF worker SKIP LOCKED
)
RETURNING id

-- name: abandoned
-- The running jobs of lost and of unknown workers.
SELECT
  seq, id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
  started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
FROM {schema}.job
WHERE state = 2 AND NOT EXISTS (
  SELECT FROM {schema}.worker WHERE worker.id = job.worker AND NOT lost
)
ORDER BY started_at, seq LIMIT $1

-- name: forget
-- Deletes lost workers that hold no claim any more.
DELETE FROM {schema}.worker WHERE id IN (
  SELECT id FROM {schema}.worker
  WHERE lost AND NOT EXISTS (
    SELECT FROM {schema}.job WHERE state = 2 AND job.worker = worker.id
  ) FOR UPDATE SKIP LOCKED
)
