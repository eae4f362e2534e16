-- A set of states that is none of ours must not hold the key when the row moves.
UPDATE {schema}.job SET
  state = CASE WHEN state = 2 THEN 2 ELSE 6 END,
  cancel_requested = state = 2,
  finished_at = CASE WHEN state = 2 THEN finished_at ELSE coalesce($2::bigint, {now}) END,
  reason = CASE WHEN state = 2 THEN reason ELSE 'cancelled' END,
  parked_at = CASE WHEN state = 2 THEN parked_at END,
  unique_states = CASE WHEN unique_states IN
    (0, 15, 31, 47, 63, 79, 95, 111, 127) THEN unique_states
    ELSE -32768 END
WHERE id = ANY (ARRAY(
  SELECT id FROM {schema}.job WHERE id = ANY ($1::text[]) AND state IN (0, 1, 2, 3)
  ORDER BY id FOR UPDATE
))
RETURNING id
