-- The sum keeps the planner from the index of jobs for later, which may be long.
-- A row that no index of ready jobs can hold stays, and one with a set of states that is none of
-- ours must not hold its key when it moves.
UPDATE {schema}.job SET
  state = 1, run_at = coalesce($2::bigint, {now}),
  unique_states = CASE WHEN unique_states IN
    (0, 15, 31, 47, 63, 79, 95, 111, 127) THEN unique_states
    ELSE -32768 END
WHERE id = ANY (ARRAY(
  SELECT id FROM {schema}.job WHERE id = ANY ($1::text[]) AND state + 0 IN (0, 3)
    AND priority > -32768 AND octet_length(queue) <= 2600
  ORDER BY id FOR UPDATE
))
RETURNING id, queue
