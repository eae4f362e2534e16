SELECT step.name, step.result FROM {schema}.job JOIN {schema}.step
  ON step.seq = job.seq AND step.job_id IN (job.id, '')
WHERE job.id = $1 ORDER BY place
