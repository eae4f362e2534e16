SELECT id FROM {schema}.job
WHERE unique_key IS NOT NULL
  AND (unique_states OPERATOR(pg_catalog.>>) state) OPERATOR(pg_catalog.&) 1 = 1
  AND unique_key = $1
