-- The sum keeps the planner from the index of jobs for later, which may be long.
UPDATE {schema}.job SET state = 1, run_at = coalesce($2::bigint, {now})
WHERE id = ANY (ARRAY(
  SELECT id FROM {schema}.job WHERE id = ANY ($1::text[]) AND state + 0 IN (0, 3)
  ORDER BY id FOR UPDATE
))
RETURNING id, queue
