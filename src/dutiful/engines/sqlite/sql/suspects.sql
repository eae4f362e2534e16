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
