SELECT seq FROM dutiful_job INDEXED BY dutiful_job_final
WHERE state >= 4 AND state = ? AND finished_at < ? ORDER BY finished_at LIMIT ?
