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
