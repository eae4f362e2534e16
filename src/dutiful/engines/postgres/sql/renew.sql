-- Touches only the rows of workers: a lock on the jobs, as a rewriting ALTER takes, must cost no
-- worker its lease. Also returns whether no worker needs rescue, and how many workers there are.
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
