UPDATE {schema}.schedule SET shut_for = CASE WHEN paused_at = $2::bigint THEN $3::text END
WHERE name = ANY ($1::text[])
