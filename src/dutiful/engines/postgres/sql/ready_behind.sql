SELECT EXISTS (
  SELECT FROM {schema}.job
  WHERE state = 1 AND queue = $1
    AND (-priority, run_at, seq) > ($2::integer, $3::bigint, $4::bigint)
)
