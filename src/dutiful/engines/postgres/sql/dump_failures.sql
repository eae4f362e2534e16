SELECT seq, attempt, at, worker, type, message, traceback FROM {schema}.failure
WHERE seq = ANY ($1::bigint[]) ORDER BY seq, fence
