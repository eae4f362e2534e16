-- What the attempts of jobs logged. A body that is too long is another program's, and is not read.

-- name: log_held
-- The lines stored before, of jobs whose claims are valid. The jobs stay locked.
SELECT
  job.seq, job.id,
  CASE WHEN octet_length(log.body) > 131072 THEN decode('ff', 'hex') ELSE log.body END
FROM {schema}.job AS job
JOIN unnest($1::text[], $2::integer[]) AS ended (id, fence)
  ON job.id = ended.id AND job.fence = ended.fence AND job.state + 0 = 2
LEFT JOIN {schema}.job_log AS log ON log.seq = job.seq AND log.job_id = job.id
ORDER BY job.id FOR UPDATE OF job

-- name: log_put
INSERT INTO {schema}.job_log (seq, job_id, body)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[])
ON CONFLICT (seq, job_id) DO UPDATE SET body = excluded.body

-- name: log_lines
-- The lines of jobs for those who inspect them.
SELECT job.id, CASE WHEN octet_length(log.body) > 131072 THEN decode('ff', 'hex') ELSE log.body END
FROM {schema}.job AS job JOIN {schema}.job_log AS log
  ON log.seq = job.seq AND log.job_id = job.id
WHERE job.id = ANY ($1::text[])
