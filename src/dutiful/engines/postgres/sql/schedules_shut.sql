-- Those that a copy from this store may fill in anew.
SELECT name FROM {schema}.schedule
WHERE name = ANY ($1::text[]) AND paused_at = $2::bigint AND coalesce(shut_for, $3::text) = $3::text
