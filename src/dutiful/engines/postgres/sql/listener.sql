-- Notifies waiting workers of jobs, and records which processes wait.

-- name: start_listening
-- Records for which queues a process waits; returns how many processes wait.
INSERT INTO {schema}.listener (id, queues, lock) VALUES ($1, $2::text[], $3)
ON CONFLICT (id) DO UPDATE SET queues = excluded.queues
RETURNING (SELECT count(*) FROM {schema}.listener)

-- name: stop_listening
-- Records that a process does not wait any more.
DELETE FROM {schema}.listener WHERE id = $1

-- name: listener_lock
-- The lock is held until the session ends; the server finds out soon when its other end is gone.
SELECT
  pg_advisory_lock($1),
  set_config('tcp_keepalives_idle', '5', false),
  set_config('tcp_keepalives_interval', '2', false),
  set_config('tcp_keepalives_count', '3', false)

-- name: delete_dead_listeners
-- Deletes processes that ended while they waited: their locks are free.
DELETE FROM {schema}.listener WHERE id IN (
  SELECT id FROM {schema}.listener
  WHERE lock IS NOT NULL AND pg_try_advisory_xact_lock_shared(lock)
  FOR UPDATE SKIP LOCKED
)

-- name: wake
-- For a part of a transaction: no row is taken. One with an old snapshot cannot know whether any
-- worker sleeps.
SELECT {schema}.wake($1::text[], $2::bigint)::text
WHERE CASE
  WHEN current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN true
  ELSE EXISTS (SELECT FROM {schema}.listener) END

-- name: wake_late
-- A row that counts nothing has the trigger look for listeners at the commit.
INSERT INTO {schema}.tally (name, count, queues) VALUES ('enqueued', 0, ARRAY[$1::text])

-- name: announce
-- Notifies all that wait.
SELECT pg_notify({channel}, '*')

-- name: prepared_allowed
-- Whether the server allows prepared transactions.
SELECT pg_catalog.current_setting('max_prepared_transactions')::integer > 0

-- name: prepared_lock
-- One process watches for all; it holds this lock until its session ends.
SELECT pg_try_advisory_lock(hashtextextended('dutiful prepared ' || $1::text, 0::bigint))

-- name: prepared_watch
-- How many transactions have counted themselves since ever, as they could not notify, and the
-- numbers of those that have not ended: who takes a number of a sequence keeps a lock on it, also
-- when prepared. Locks are looked at only while the count changes or any is pending.
SELECT pg_sequence_last_value({prepared}::regclass), ARRAY(
  SELECT virtualtransaction FROM pg_locks
  WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND relation = {prepared}::regclass::oid AND mode = 'RowExclusiveLock'
    AND ($2::boolean OR pg_sequence_last_value({prepared}::regclass) IS DISTINCT FROM $1::bigint)
)
