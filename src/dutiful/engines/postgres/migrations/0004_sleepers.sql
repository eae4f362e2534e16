-- An advisory lock that its process holds for as long as it listens. Those of older releases hold
-- none, and have no number here.
ALTER TABLE {schema}.sleeper ADD COLUMN lock bigint;

-- Wakes as many sleepers as there are jobs, and one more in case that one of them has frozen. One
-- whose lock can be had is dead and is passed over, lest the dead be woken instead of the living.
-- A sleeper that is locked is being woken by somebody else, who need not be waited for.
CREATE OR REPLACE FUNCTION {schema}.wake(wanted text[], jobs bigint) RETURNS void
LANGUAGE sql AS $$
  WITH chosen AS (
    SELECT id FROM {schema}.sleeper
    WHERE queues && wanted AND (lock IS NULL OR NOT pg_try_advisory_xact_lock_shared(lock))
    LIMIT least(jobs, 100) + 1 FOR UPDATE SKIP LOCKED
  ), woken AS (
    DELETE FROM {schema}.sleeper WHERE id IN (SELECT id FROM chosen) RETURNING id
  )
  SELECT pg_notify({channel}, string_agg(id, ' ')) FROM woken HAVING count(*) > 0
$$;
