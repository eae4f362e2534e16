-- Does for queued rows what aside_due.sql does for those that have become due.
UPDATE {schema}.job SET
  state = 2, worker = NULL, started_at = coalesce($3::bigint, {now}),
  fence = least(fence, 2147483646) + 1,
  unique_states = CASE WHEN unique_states IN
    (0, 15, 31, 47, 63, 79, 95, 111, 127) THEN unique_states
    ELSE -32768 END
WHERE id = ANY (ARRAY(
  SELECT id FROM {schema}.job
  WHERE state + 0 = 1 AND id = ANY (ARRAY(
    SELECT id FROM (
      SELECT id, queue, priority, unique_states FROM {schema}.job
      WHERE state = 1 AND queue = $1
      ORDER BY -priority, run_at, seq LIMIT $2
    ) AS next
    WHERE priority = -32768 OR unique_states NOT IN (0, 15, 31, 47, 63, 79, 95, 111, 127)
      OR octet_length(queue) > 2600
  ))
  FOR UPDATE SKIP LOCKED
))
