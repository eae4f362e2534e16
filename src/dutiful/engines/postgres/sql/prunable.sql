SELECT EXISTS (
  SELECT FROM {schema}.job
  WHERE state >= 4 AND state = $1 AND finished_at < coalesce($3::bigint, {now}) - $2::bigint
)
