WITH renewed AS (
  UPDATE {schema}.worker SET renewed_at = coalesce($2::bigint, {now}), stalled_for = $3
  WHERE id = $1 AND NOT lost
  RETURNING renewed_at
)
SELECT
  (SELECT renewed_at FROM renewed),
  ARRAY(
    SELECT id FROM {schema}.job WHERE state = 2 AND worker = $1 AND cancel_requested
  ),
  NOT EXISTS (
    SELECT FROM {schema}.worker
    WHERE lost OR abs(coalesce($2::bigint, {now}) - renewed_at) > lease / 2 OR stalled_for > 0
  ) AND NOT EXISTS (
    SELECT FROM {schema}.job
    WHERE state = 2 AND NOT EXISTS (SELECT FROM {schema}.worker WHERE worker.id = job.worker)
  )
