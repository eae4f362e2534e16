INSERT INTO {schema}.queue (name, paused_at, shut)
SELECT name, coalesce($2::bigint, {now}), true FROM unnest($1::text[]) AS name
ON CONFLICT DO NOTHING
