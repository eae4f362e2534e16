SELECT rowid FROM dutiful_worker WHERE lost <> 0 AND NOT EXISTS (
  SELECT 1 FROM dutiful_job INDEXED BY dutiful_job_running
  WHERE state = 2 AND worker = dutiful_worker.id
)
