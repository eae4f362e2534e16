UPDATE {schema}.job SET
  state = 1, args = coalesce($2::bytea, args), attempt = 0, crashes = 0, run_at = clock.now,
  redriven_at = clock.now, finished_at = NULL, expires_at = NULL, reason = NULL,
  parked_at = NULL, cancel_requested = false, meta = $3
FROM (SELECT coalesce($4::bigint, {now}) AS now) AS clock
WHERE id = $1
