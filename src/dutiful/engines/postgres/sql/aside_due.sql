-- Takes rows that no index of ready jobs can hold, or whose unique key a move would have to take,
-- out of those that have become due. They run under nobody, so a rescuer lets them die as what
-- they are. A set of states that is none of ours becomes one that holds the key in no state.
UPDATE {schema}.job SET
  state = 2, worker = NULL, started_at = coalesce($3::bigint, {now}),
  fence = least(fence, 2147483646) + 1,
  unique_states = CASE WHEN unique_states IN
    (0, 15, 31, 47, 63, 79, 95, 111, 127) THEN unique_states
    ELSE -32768 END
WHERE id = ANY (ARRAY(
  SELECT id FROM {schema}.job
  WHERE state + 0 IN (0, 3) AND id = ANY (ARRAY(
    SELECT id FROM (
      SELECT id, queue, priority, unique_states FROM {schema}.job
      WHERE state IN (0, 3) AND queue = $1 AND run_at <= coalesce($3::bigint, {now})
      ORDER BY run_at LIMIT $2
    ) AS next
    WHERE priority = -32768 OR unique_states NOT IN (0, 15, 31, 47, 63, 79, 95, 111, 127)
      OR octet_length(queue) > 2600
  ))
  FOR UPDATE SKIP LOCKED
))
