SELECT job.id, f.attempt, f.at, f.worker, f.type, f.message, f.traceback
FROM {schema}.job AS job JOIN {schema}.failure AS f
  ON f.seq = job.seq AND f.job_id IN (job.id, '')
WHERE job.id = ANY ($1::text[]) ORDER BY job.id, f.fence
