SELECT job.id, step.name, step.result
FROM {schema}.job AS job JOIN {schema}.step AS step
  ON step.seq = job.seq AND step.job_id IN (job.id, '')
WHERE job.id = ANY ($1::text[]) ORDER BY job.id, step.place
