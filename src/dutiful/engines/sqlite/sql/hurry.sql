UPDATE dutiful_job SET state = 1, run_at = ? WHERE id = ? AND state IN (0, 3)
