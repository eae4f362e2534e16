WITH renewed AS (
  UPDATE {schema}.worker SET renewed_at = coalesce($2::bigint, {now}), stalled_for = $3
  WHERE id = $1 AND NOT lost
  RETURNING renewed_at
)
SELECT
  (SELECT renewed_at FROM renewed),
  ARRAY(
    SELECT id FROM {schema}.job WHERE state = 2 AND worker = $1 AND cancel_requested
  )
