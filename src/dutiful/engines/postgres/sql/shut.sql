INSERT INTO {schema}.queue AS known (name, paused_at, shut, shut_for)
SELECT name, coalesce($2::bigint, {now}), true, ARRAY[$3::text] FROM unnest($1::text[]) AS name
ON CONFLICT (name) DO UPDATE SET
  shut_for = pg_catalog.array_append(pg_catalog.array_remove(known.shut_for, $3::text), $3::text)
WHERE known.shut
