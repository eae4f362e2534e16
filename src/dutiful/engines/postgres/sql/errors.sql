SELECT f.attempt, f.at, f.worker, f.type, f.message, f.traceback
FROM {schema}.job JOIN {schema}.failure AS f ON f.seq = job.seq AND f.job_id IN (job.id, '')
WHERE job.id = $1 ORDER BY f.fence
