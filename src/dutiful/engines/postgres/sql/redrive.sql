UPDATE {schema}.job SET
  state = 1, args = coalesce($2::bytea, args), attempt = 0, crashes = 0, run_at = clock.now,
  redriven_at = clock.now, finished_at = NULL, expires_at = NULL, reason = NULL,
  parked_at = NULL, cancel_requested = false, meta = $3,
  unique_states = CASE WHEN unique_states IN
    (0, 15, 31, 47, 63, 79, 95, 111, 127) THEN unique_states
    ELSE -32768 END
FROM (SELECT coalesce($4::bigint, {now}) AS now) AS clock
WHERE id = $1 AND priority > -32768 AND octet_length(queue) <= 2600
