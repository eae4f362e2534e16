-- Beside max(), SQLite takes the bare column from the row that holds the maximum.
SELECT
  job.task, coalesce(job.reason, ''), coalesce(last.type, ''), coalesce(last.message, ''),
  count(*), max(job.finished_at)
FROM dutiful_job AS job INDEXED BY dutiful_job_dead
LEFT JOIN dutiful_failure AS last ON last.rowid = (
  SELECT rowid FROM dutiful_failure WHERE seq = job.seq ORDER BY fence DESC LIMIT 1
)
WHERE job.state >= 5 AND job.state = 5
GROUP BY 1, 2, 3 ORDER BY 5 DESC
