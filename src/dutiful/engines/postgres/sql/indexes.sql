SELECT class.relname FROM pg_index
JOIN pg_class AS class ON class.oid = indexrelid
WHERE indrelid = {job}::regclass::oid AND indisvalid AND indisready
