-- Touches the workers' own rows alone: a lock on the jobs, as a rewriting ALTER takes, must cost
-- nobody the lease. Whether nobody among the workers needs rescue is told with it.
WITH renewed AS (
  UPDATE {schema}.worker SET renewed_at = coalesce($2::bigint, {now}), stalled_for = $3
  WHERE id = $1 AND NOT lost
  RETURNING renewed_at
)
SELECT
  (SELECT renewed_at FROM renewed),
  NOT EXISTS (
    SELECT FROM {schema}.worker
    WHERE lost OR stalled_for > 0
      OR abs(coalesce($2::bigint, {now})::numeric - renewed_at::numeric) > (lease / 2)::numeric
  ),
  (SELECT count(*) FROM {schema}.worker)
