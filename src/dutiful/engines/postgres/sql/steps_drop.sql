-- For a job that the transaction has locked.
WITH dropped AS (
  DELETE FROM {schema}.step USING {schema}.job
  WHERE job.id = $1 AND step.seq = job.seq AND step.job_id IN (job.id, '')
)
UPDATE {schema}.job SET steps = 0 WHERE id = $1
