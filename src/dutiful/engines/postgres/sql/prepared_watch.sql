-- How many transactions were ever prepared after they had stored jobs, and the numbers of those
-- that are pending, known by their locks.
SELECT pg_sequence_last_value({prepared}::regclass), ARRAY(
  SELECT virtualtransaction FROM pg_locks
  WHERE pid IS NULL AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND relation = {job}::regclass::oid AND mode = 'RowExclusiveLock'
    AND EXISTS (SELECT FROM pg_prepared_xact())
)
