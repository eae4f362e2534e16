DELETE FROM {schema}.queue
WHERE name = ANY ($1::text[]) AND shut AND (
  shut_for IS NULL OR pg_catalog.cardinality(pg_catalog.array_remove(shut_for, $2::text)) = 0
)
RETURNING name
