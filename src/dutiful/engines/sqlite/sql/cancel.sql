-- A set of states that is none of ours must not hold the key when the row moves.
UPDATE dutiful_job SET
  state = 6, finished_at = ?, reason = 'cancelled', parked_at = NULL,
  unique_states = iif(
    typeof(unique_states) = 'integer' AND unique_states IN (0, 15, 31, 47, 63, 79, 95, 111, 127),
    unique_states, -32768
  )
WHERE id = ? AND state IN (0, 1, 3)
