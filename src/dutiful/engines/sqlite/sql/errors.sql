SELECT attempt, at, worker, type, message, traceback FROM dutiful_failure
WHERE seq = (SELECT seq FROM dutiful_job WHERE id = ?) ORDER BY fence
