UPDATE {schema}.job SET
  task = $2, queue = $3, priority = $4, args = $5, max_attempts = $6, run_at = due.run_at,
  state = CASE WHEN due.run_at > due.now THEN 0 ELSE 1 END,
  expires_at = greatest(due.run_at, due.now) + $9::bigint, tags = $10, meta = $11,
  reason = NULL, parked_at = NULL
FROM (
  SELECT now, coalesce($8::bigint, now + $7::bigint) AS run_at
  FROM (SELECT coalesce($12::bigint, {now}) AS now) AS clock
) AS due
WHERE id = $1 AND state IN (0, 1, 3)
RETURNING state
