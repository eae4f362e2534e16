UPDATE dutiful_job SET state = 6, finished_at = ?, reason = 'cancelled', parked_at = NULL
WHERE id = ? AND state IN (0, 1, 3)
