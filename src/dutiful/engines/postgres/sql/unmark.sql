UPDATE {schema}.queue SET shut_for = pg_catalog.array_remove(shut_for, $2::text)
WHERE name = ANY ($1::text[]) AND shut AND $2::text = ANY (shut_for)
