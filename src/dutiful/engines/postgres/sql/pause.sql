INSERT INTO {schema}.queue (name, paused_at) VALUES ($1, coalesce($2::bigint, {now}))
ON CONFLICT (name) DO UPDATE SET shut = false
