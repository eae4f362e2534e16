-- Finds, counts and checks jobs for people and programs that inspect a store.

-- name: get
SELECT
  seq, id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
  started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
FROM {schema}.job WHERE id = ANY ($1::text[])

-- name: get_prefix
-- Jobs whose ids begin with a text, two at most: a second one makes the text ambiguous.
SELECT
  seq, id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
  started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
FROM {schema}.job WHERE id >= $1 AND id < $2 LIMIT 2

-- name: find
-- {conditions} and {order} are filled in from the filter.
SELECT
  seq, id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
  started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
FROM {schema}.job
WHERE true {conditions}
ORDER BY {order} DESC LIMIT $1

-- name: probe
-- {conditions} is filled in: are there few enough rows to sort them?
SELECT count(*) FROM (SELECT 1 FROM {schema}.job WHERE {conditions} LIMIT $1) AS found

-- name: errors
-- The errors of a job, the oldest first.
SELECT f.attempt, f.at, f.worker, f.type, f.message, f.traceback
FROM {schema}.job JOIN {schema}.failure AS f ON f.seq = job.seq AND f.job_id IN (job.id, '')
WHERE job.id = $1 ORDER BY f.fence

-- name: counts
-- Jobs by queue and state: how many, since when the first could run, and how many of those for
-- later are due.
WITH clock AS (SELECT coalesce($1::bigint, {now}) AS now)
SELECT queue, 1, count(*), min(run_at), 0 FROM {schema}.job WHERE state = 1 GROUP BY queue
UNION ALL
SELECT
  queue, state, count(*),
  min(run_at) FILTER (WHERE run_at <= (SELECT now FROM clock)),
  count(*) FILTER (WHERE run_at <= (SELECT now FROM clock))
FROM {schema}.job WHERE state IN (0, 3) GROUP BY queue, state
UNION ALL
SELECT queue, 2, count(*), NULL, 0 FROM {schema}.job WHERE state = 2 GROUP BY queue
UNION ALL
SELECT queue, state, count(*), NULL, 0 FROM {schema}.job WHERE state >= 4 GROUP BY queue, state

-- name: dead_groups
-- Dead jobs by task, reason and type of the last error, with its latest message.
SELECT
  task, coalesce(reason, ''), coalesce(type, ''),
  coalesce((pg_catalog.array_agg(message ORDER BY finished_at DESC))[1], ''), count(*),
  max(finished_at)
FROM {schema}.job
LEFT JOIN LATERAL (
  SELECT type, message FROM {schema}.failure
  WHERE failure.seq = job.seq AND failure.job_id IN (job.id, '') ORDER BY fence DESC LIMIT 1
) AS last ON true
WHERE state = 5 AND state >= 5
GROUP BY 1, 2, 3 ORDER BY 5 DESC

-- name: suspects
-- Jobs that may be unreadable: clearly well-formed rows are left out, Python reads the rest.
SELECT
  seq, id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
  started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
FROM {schema}.job
WHERE (
  state NOT BETWEEN 0 AND 6 OR id = ''
  OR priority = -32768 OR unique_states NOT IN (0, 15, 31, 47, 63, 79, 95, 111, 127)
  OR tags <> '' AND tags !~ '^\[("[^"\\[:cntrl:]]*",?)*\]$'
  OR meta <> '' AND meta !~ '^\{("[^"\\[:cntrl:]]*":"[^"\\[:cntrl:]]*",?)*\}$'
) AND id < $1
ORDER BY id DESC LIMIT $2
