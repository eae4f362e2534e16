-- Finds, counts and checks jobs for people and programs that inspect a store.

-- name: get
SELECT
  seq, id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
  started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
FROM dutiful_job WHERE id = ?

-- name: get_prefix
-- Jobs whose ids begin with a text, two at most: a second one makes the text ambiguous.
SELECT
  seq, id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
  started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
FROM dutiful_job WHERE id >= ? AND id < ? LIMIT 2

-- name: id_of_row
-- The id of a job as it is stored, which may be no text.
SELECT id FROM dutiful_job WHERE seq = ?

-- name: jobs_of_rows
SELECT
  seq, id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
  started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
FROM dutiful_job WHERE seq IN (SELECT value FROM json_each(?))

-- name: find
-- {index} and {conditions} are filled in from the filter.
SELECT
  seq, id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
  started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
FROM dutiful_job {index}
WHERE seq < ? {conditions}
ORDER BY seq DESC LIMIT ?

-- name: probe
-- {index} and {conditions} are filled in: are there few enough rows to sort them?
SELECT count(*) FROM (SELECT 1 FROM dutiful_job {index} WHERE {conditions} LIMIT ?)

-- name: errors
-- The errors of a job, the oldest first.
SELECT attempt, at, worker, type, message, traceback FROM dutiful_failure
WHERE seq = (SELECT seq FROM dutiful_job WHERE id = ?) ORDER BY fence

-- name: counts_ready
-- Each `counts` statement returns queue, state, number, since when the first could run, and how
-- many of those for later are due.
SELECT queue, 1, count(*), min(run_at), 0 FROM dutiful_job INDEXED BY dutiful_job_ready
WHERE state = 1 GROUP BY queue

-- name: counts_due
-- The times of both states stand in the first row: what is due waits, whichever it is.
SELECT
  queue, 0, sum(state = 0), min(CASE WHEN run_at <= ? THEN run_at END), sum(run_at <= ?)
FROM dutiful_job INDEXED BY dutiful_job_due
WHERE state IN (0, 3) GROUP BY queue
UNION ALL
SELECT queue, 3, sum(state = 3), NULL, 0 FROM dutiful_job INDEXED BY dutiful_job_due
WHERE state IN (0, 3) GROUP BY queue

-- name: counts_running
SELECT queue, 2, count(*), NULL, 0 FROM dutiful_job INDEXED BY dutiful_job_running
WHERE state = 2 GROUP BY queue

-- name: counts_final
SELECT queue, state, count(*), NULL, 0 FROM dutiful_job INDEXED BY dutiful_job_final
WHERE state >= 4 GROUP BY queue, state

-- name: dead_groups
-- Dead jobs by task, reason and type of the last error, with its latest message.
-- Beside max(), SQLite takes the bare column from the row that holds the maximum.
SELECT
  job.task, coalesce(job.reason, ''), coalesce(last.type, ''), coalesce(last.message, ''),
  count(*), max(job.finished_at)
FROM dutiful_job AS job INDEXED BY dutiful_job_dead
LEFT JOIN dutiful_failure AS last ON last.rowid = (
  SELECT rowid FROM dutiful_failure WHERE seq = job.seq ORDER BY fence DESC LIMIT 1
)
WHERE job.state >= 5 AND job.state = 5
GROUP BY 1, 2, 3 ORDER BY 5 DESC

-- name: suspects
-- A slice of the table, newest row first: whether the columns have the right types, and the texts.
SELECT
  seq,
  typeof(id) = 'text' AND typeof(task) = 'text' AND typeof(queue) = 'text'
    AND id <> '' AND task <> '' AND queue <> ''
    AND typeof(state) = 'integer' AND state BETWEEN 0 AND 6
    AND typeof(priority) = 'integer' AND priority BETWEEN -32767 AND 32767
    AND typeof(fence) = 'integer'
    AND typeof(args) IN ('blob', 'text') AND typeof(result) IN ('blob', 'text', 'null')
    AND typeof(attempt) = 'integer' AND attempt BETWEEN 0 AND 2147483647
    AND typeof(max_attempts) = 'integer' AND max_attempts BETWEEN 1 AND 2147483647
    AND typeof(crashes) = 'integer' AND crashes BETWEEN 0 AND 2147483647
    AND typeof(steps) = 'integer' AND steps BETWEEN 0 AND 2147483647
    AND typeof(enqueued_at) = 'integer' AND typeof(run_at) = 'integer'
    AND typeof(started_at) IN ('integer', 'null') AND typeof(finished_at) IN ('integer', 'null')
    AND typeof(expires_at) IN ('integer', 'null') AND typeof(parked_at) IN ('integer', 'null')
    AND typeof(redriven_at) IN ('integer', 'null')
    AND typeof(worker) IN ('text', 'null') AND typeof(reason) IN ('text', 'null')
    AND typeof(unique_key) IN ('text', 'null') AND typeof(cancel_requested) = 'integer'
    AND typeof(unique_states) = 'integer' AND unique_states IN
      (0, 15, 31, 47, 63, 79, 95, 111, 127),
  coalesce(id || '/' || task || '/' || queue, '') || '/' || coalesce(worker, '') || '/'
    || coalesce(reason, '') || '/' || coalesce(unique_key, ''),
  tags, meta
FROM dutiful_job WHERE seq < ? ORDER BY seq DESC LIMIT ?

-- name: odd
-- How many errors, steps and occurrences hold values of a wrong type.
SELECT 'error', count(*) FROM dutiful_failure
WHERE typeof(attempt) <> 'integer' OR typeof(at) <> 'integer' OR typeof(worker) <> 'text'
  OR typeof(type) <> 'text' OR typeof(message) <> 'text' OR typeof(traceback) <> 'text'
UNION ALL
SELECT 'step', count(*) FROM dutiful_step WHERE typeof(name) <> 'text' OR typeof(result) <> 'blob'
UNION ALL
SELECT 'occurrence', count(*) FROM dutiful_occurrence
WHERE typeof(schedule) <> 'text' OR typeof(planned) <> 'integer' OR typeof(number) <> 'integer'
  OR typeof(kind) <> 'text' OR kind NOT IN ('enqueued', 'skipped', 'missed')
  OR typeof(recorded_at) <> 'integer' OR typeof(why) NOT IN ('text', 'null')
  OR typeof(job_id) NOT IN ('text', 'null') OR told NOT IN (0, 1, 2, 3)
