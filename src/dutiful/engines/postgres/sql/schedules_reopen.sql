UPDATE {schema}.schedule SET paused_at = NULL, shut_for = NULL, version = version + 1
WHERE name = ANY ($1::text[]) AND paused_at = $2::bigint AND coalesce(shut_for, $3::text) = $3::text
RETURNING name
