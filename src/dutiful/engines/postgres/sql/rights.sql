-- Which tables and sequences of the schema this role may not work in.
SELECT relname FROM pg_catalog.pg_class
WHERE relnamespace = (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = {job}::regclass)
  AND relname <> 'migration' AND CASE
    WHEN relkind IN ('r', 'p') THEN NOT (
      has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
      AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE')
    )
    -- Those of identity columns need no right of their own.
    WHEN relkind = 'S' AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend AS depend
      WHERE depend.objid = pg_class.oid AND depend.deptype = 'i'
    ) THEN NOT has_sequence_privilege(oid, 'USAGE')
    ELSE false
  END
ORDER BY relname
