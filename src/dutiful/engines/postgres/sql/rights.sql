-- On which tables and sequences of the schema this role lacks rights.
SELECT relname FROM pg_catalog.pg_class
WHERE relnamespace = (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = {job}::regclass::oid)
  AND relname <> 'migration' AND CASE
    WHEN relkind IN ('r', 'p') THEN NOT (
      has_table_privilege(oid, 'SELECT'::text) AND has_table_privilege(oid, 'INSERT'::text)
      AND has_table_privilege(oid, 'UPDATE'::text) AND has_table_privilege(oid, 'DELETE'::text)
    )
    -- Also that of the identity column: batches with several unique keys number their jobs.
    WHEN relkind = 'S' THEN NOT has_sequence_privilege(oid, 'USAGE'::text)
    ELSE false
  END
ORDER BY relname
