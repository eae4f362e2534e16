-- A set of states that is none of ours must not hold the key when the row moves.
UPDATE dutiful_job SET
  state = 1, run_at = ?,
  unique_states = iif(
    typeof(unique_states) = 'integer' AND unique_states IN (0, 15, 31, 47, 63, 79, 95, 111, 127),
    unique_states, -32768
  )
WHERE id = ? AND state IN (0, 3)
