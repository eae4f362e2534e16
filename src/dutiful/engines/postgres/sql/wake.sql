SELECT {schema}.wake($1::text[], $2::bigint)::text
WHERE EXISTS (SELECT FROM {schema}.sleeper)
