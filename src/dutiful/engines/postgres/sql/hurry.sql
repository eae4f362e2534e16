UPDATE {schema}.job SET state = 1, run_at = coalesce($2::bigint, {now})
WHERE id = ANY ($1::text[]) AND state IN (0, 3)
RETURNING id, queue
