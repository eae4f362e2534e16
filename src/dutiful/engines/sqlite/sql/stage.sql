UPDATE dutiful_job SET state = 1 WHERE seq IN (
  SELECT seq FROM dutiful_job INDEXED BY dutiful_job_due
  WHERE state IN (0, 3) AND queue = ? AND run_at <= ? ORDER BY run_at LIMIT ?
)
