UPDATE dutiful_job SET cancel_requested = 1 WHERE id = ? AND state = 2
