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
