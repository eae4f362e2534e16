SELECT
  id, queues, concurrency, lease, host, pid, born, version, joined_at, renewed_at,
  coalesce($1::bigint, {now}) AS now, lost, stalled_for,
  (SELECT count(*) FROM {schema}.job WHERE state = 2 AND job.worker = worker.id)
FROM {schema}.worker ORDER BY joined_at, id
