DELETE FROM {schema}.worker WHERE id IN (
  SELECT id FROM {schema}.worker
  WHERE lost AND NOT EXISTS (
    SELECT FROM {schema}.job WHERE state = 2 AND job.worker = worker.id
  ) FOR UPDATE SKIP LOCKED
)
