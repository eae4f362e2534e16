-- What the attempts of jobs logged. A body that is too long is another program's, and is not read.

-- name: log_held
-- The lines stored before, of a job whose claim is valid; no row where it is not.
SELECT (
  SELECT iif(length(log.body) <= 131072, log.body, x'ff') FROM dutiful_job_log AS log
  WHERE log.seq = job.seq AND log.id = job.id
) FROM dutiful_job AS job
WHERE job.seq = ? AND job.fence = ? AND job.state = 2 AND job.id = ?

-- name: log_put
INSERT INTO dutiful_job_log (seq, id, body) VALUES (?, ?, ?)
ON CONFLICT (seq) DO UPDATE SET id = excluded.id, body = excluded.body

-- name: log_lines
-- The lines of one job for those who inspect it.
SELECT iif(length(log.body) <= 131072, log.body, x'ff')
FROM dutiful_job AS job JOIN dutiful_job_log AS log ON log.seq = job.seq AND log.id = job.id
WHERE job.id = ?

-- name: log_dump
SELECT job.seq, iif(length(log.body) <= 131072, log.body, x'ff')
FROM dutiful_job AS job JOIN dutiful_job_log AS log ON log.seq = job.seq AND log.id = job.id
WHERE job.seq BETWEEN ? AND ?

-- name: log_fill
INSERT INTO dutiful_job_log (seq, id, body) SELECT seq, id, ? FROM dutiful_job WHERE id = ?
ON CONFLICT (seq) DO UPDATE SET id = excluded.id, body = excluded.body

-- name: log_delete
DELETE FROM dutiful_job_log WHERE seq = ?
