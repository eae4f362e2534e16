-- A set of states that is none of ours must not hold the key when the row moves.
UPDATE dutiful_job SET
  state = 1, args = coalesce(?, args), attempt = 0, crashes = 0, run_at = ?, redriven_at = ?,
  finished_at = NULL, expires_at = NULL, reason = NULL, parked_at = NULL, cancel_requested = 0,
  meta = ?,
  unique_states = iif(
    typeof(unique_states) = 'integer' AND unique_states IN (0, 15, 31, 47, 63, 79, 95, 111, 127),
    unique_states, -32768
  )
WHERE seq = ?
