DELETE FROM {schema}.sleeper WHERE id IN (
  SELECT id FROM {schema}.sleeper
  WHERE lock IS NOT NULL AND pg_try_advisory_xact_lock_shared(lock)
  FOR UPDATE SKIP LOCKED
)
