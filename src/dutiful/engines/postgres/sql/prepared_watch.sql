-- How many transactions have counted themselves since ever, as they could not notify, and the
-- numbers of those that have not ended: who takes a number of a sequence keeps a lock on it, also
-- when prepared. Locks are looked at only while the count changes or any is pending.
SELECT pg_sequence_last_value({prepared}::regclass), ARRAY(
  SELECT virtualtransaction FROM pg_locks
  WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND relation = {prepared}::regclass::oid AND mode = 'RowExclusiveLock'
    AND ($2::boolean OR pg_sequence_last_value({prepared}::regclass) IS DISTINCT FROM $1::bigint)
)
