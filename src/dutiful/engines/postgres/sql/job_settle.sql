-- Ends the attempts of running jobs: each statement writes only what a claim still guards.

-- name: lock
-- Lock jobs in the order in which every statement locks them, before statements that each lock
-- some of them.
SELECT FROM {schema}.job WHERE id = ANY ($1::text[]) ORDER BY id FOR UPDATE

-- name: held
-- Whether a claim is valid: the job still runs under the claim's fence. The row stays locked.
SELECT id FROM {schema}.job WHERE id = $1 AND fence = $2 AND state + 0 = 2 FOR UPDATE

-- name: same_fence
-- Whether the fence is still that of the claim, in any state of the job.
SELECT job.id FROM {schema}.job AS job
JOIN unnest($1::text[], $2::integer[]) AS ended (id, fence)
  ON job.id = ended.id AND job.fence = ended.fence

-- name: fail
-- Records the error of an attempt.
-- Runs before the settlement and under the same guard, so that a refused one leaves no error.
INSERT INTO {schema}.failure (seq, job_id, fence, attempt, at, worker, type, message, traceback)
SELECT job.seq, job.id, job.fence, e.attempt, e.at, e.worker, e.type, e.message, e.traceback
FROM unnest(
  $1::text[], $2::integer[], $3::integer[], $4::bigint[], $5::text[], $6::text[], $7::text[],
  $8::text[]
) AS e (id, fence, attempt, at, worker, type, message, traceback)
JOIN {schema}.job AS job ON job.id = e.id AND job.fence = e.fence AND job.state + 0 = 2
FOR UPDATE OF job
ON CONFLICT DO NOTHING

-- name: succeed
-- Ends an attempt with success.
-- The sum keeps the planner from the index of running jobs, which is full of dead entries.
UPDATE {schema}.job AS job SET
  state = 4, result = ended.result, finished_at = coalesce($4::bigint, {now}), worker = NULL,
  reason = NULL, parked_at = NULL, cancel_requested = false
FROM unnest($1::text[], $2::integer[], $3::bytea[]) AS ended (id, fence, result)
WHERE job.id = ended.id AND job.fence = ended.fence AND job.state + 0 = 2

-- name: settle
-- Ends attempts in any other way than `succeed`: retries, releases, deaths, cancellations, rescues.
-- A job whose cancellation was requested does not come back.
UPDATE {schema}.job AS job SET
  state = CASE WHEN ended.state < 4 AND job.cancel_requested THEN 6 ELSE ended.state END,
  run_at = CASE WHEN ended.state >= 4 OR job.cancel_requested THEN job.run_at
    ELSE coalesce(ended.run_at, clock.now + ended.delay, job.run_at) END,
  finished_at = CASE WHEN ended.state >= 4 OR job.cancel_requested THEN clock.now END,
  reason = CASE WHEN ended.state < 4 AND job.cancel_requested THEN 'cancelled'
    ELSE ended.reason END,
  result = ended.result, attempt = ended.attempt, crashes = ended.crashes,
  parked_at = ended.parked_at, worker = NULL, cancel_requested = false,
  fence = CASE WHEN ended.rescue THEN least(job.fence, 2147483646) + 1 ELSE job.fence END
FROM unnest(
  $1::text[], $2::integer[], $3::smallint[], $4::bytea[], $5::bigint[], $6::bigint[],
  $7::integer[], $8::integer[], $9::text[], $10::bigint[], $11::boolean[]
) AS ended (
  id, fence, state, result, delay, run_at, attempt, crashes, reason, parked_at, rescue
)
CROSS JOIN (SELECT coalesce($12::bigint, {now}) AS now) AS clock
WHERE job.id = ended.id AND job.fence = ended.fence AND job.state + 0 = 2
RETURNING job.id, job.queue, job.state

-- name: unhold
-- The end of a row with a set of states that is none of ours may meet another row of its key.
UPDATE {schema}.job AS job SET unique_states = -32768
FROM unnest($1::text[], $2::integer[]) AS ended (id, fence)
WHERE job.id = ended.id AND job.fence = ended.fence AND job.state + 0 = 2
  AND job.unique_states NOT IN (0, 15, 31, 47, 63, 79, 95, 111, 127) AND job.unique_states <> -32768

-- name: settle_locked
-- Which of some jobs other sessions have locked now, and the session of each.
WITH free AS MATERIALIZED (
  SELECT id FROM {schema}.job WHERE id = ANY ($1::text[]) FOR NO KEY UPDATE SKIP LOCKED
)
SELECT job.id, (
  SELECT concat_ws(', ', 'session ' || lock.pid::text, nullif(application_name, ''), usename)
  FROM pg_locks AS lock LEFT JOIN pg_stat_activity AS activity ON activity.pid = lock.pid
  WHERE lock.granted AND lock.transactionid = job.xmax
  LIMIT 1
)
FROM {schema}.job AS job WHERE id = ANY ($1::text[]) AND id NOT IN (SELECT id FROM free)
