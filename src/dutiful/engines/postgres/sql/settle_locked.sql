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
