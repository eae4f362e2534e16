UPDATE {schema}.schedule SET paused_at = NULL, version = version + 1
WHERE name = ANY ($1::text[]) AND paused_at = $2::bigint
RETURNING name
