SELECT seq, attempt, at, worker, type, message, traceback FROM dutiful_failure
WHERE seq BETWEEN ? AND ? ORDER BY seq, fence
