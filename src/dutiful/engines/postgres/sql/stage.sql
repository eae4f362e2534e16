-- The rows are named by their place alone, for the reason in claim.sql.
UPDATE {schema}.job SET state = 1
WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM {schema}.job
  WHERE state IN (0, 3) AND queue = $1 AND run_at <= coalesce($3::bigint, {now})
  ORDER BY run_at LIMIT $2 FOR UPDATE SKIP LOCKED
))
