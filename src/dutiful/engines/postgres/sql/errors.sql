SELECT attempt, at, worker, type, message, traceback FROM {schema}.failure
WHERE seq = (SELECT seq FROM {schema}.job WHERE id = $1) ORDER BY fence
