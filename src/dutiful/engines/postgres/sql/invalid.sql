-- What an interrupted CREATE or DROP INDEX CONCURRENTLY leaves behind.
SELECT class.relname FROM pg_index JOIN pg_class AS class ON class.oid = indexrelid
WHERE class.relnamespace = to_regnamespace($1) AND NOT indisvalid AND class.relname = ANY($2)
