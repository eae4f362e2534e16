SELECT
  id, queues, concurrency, lease, host, pid, born, version,
  joined_at, renewed_at, renewed_ticks, boot, lost, stalled_for,
  (SELECT count(*) FROM dutiful_job INDEXED BY dutiful_job_running
   WHERE state = 2 AND worker = dutiful_worker.id)
FROM dutiful_worker ORDER BY joined_at
