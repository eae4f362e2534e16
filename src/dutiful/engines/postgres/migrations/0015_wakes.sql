-- A transaction that stays open, is slow at its commit or fails must not keep the rows of sleepers:
-- everybody else passes over what is locked, so nobody would be woken. Only `wake_some` takes any.
--
-- Has all who wait for these queues look for work. It reads and locks nothing, so it is for any
-- transaction, at every level, and for code of older releases, some of which call it in long ones.
CREATE OR REPLACE FUNCTION {schema}.wake(wanted text[], jobs bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  said text := '* ' || array_to_string(wanted, ' ');
BEGIN
  IF octet_length(said) > 4000 THEN  -- a notification has less than 8,000 bytes
    said := '*';
  END IF;
  PERFORM pg_notify({channel}, said);
END
$$;

-- For a transaction that is one statement and ends with it. Wakes as many sleepers as there are
-- jobs, and one more in case that one of them has frozen. A sleeper whose lock is free is dead and
-- skipped, so that a live one is woken instead. A sleeper whose row is locked is being woken by
-- another session, for which this one need not wait.
CREATE FUNCTION {schema}.wake_some(wanted text[], jobs bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  said text;
BEGIN
  WITH chosen AS (
    SELECT id FROM {schema}.sleeper
    WHERE queues && wanted AND (lock IS NULL OR NOT pg_try_advisory_xact_lock_shared(lock))
    LIMIT least(jobs, 100) + 1 FOR UPDATE SKIP LOCKED
  ), woken AS (
    DELETE FROM {schema}.sleeper WHERE id IN (SELECT id FROM chosen) RETURNING id
  )
  SELECT string_agg(id, ' ') INTO said FROM woken;
  IF said IS NOT NULL THEN
    PERFORM pg_notify({channel}, said);
  END IF;
END
$$;

-- Runs with the rights of the schema's owner: before PostgreSQL 18 a deferred trigger runs as the
-- role that commits, which need not be the one that stored the job. It can only notify.
--
-- At the commit it says nothing when nobody sleeps: notifications make commits wait for each other.
-- Before the commit (SET CONSTRAINTS ALL IMMEDIATE) it cannot know who will sleep, nor whether the
-- transaction will be prepared, which one that has notified cannot be: on a server that allows it,
-- such a transaction counts itself instead, and is watched for.
CREATE OR REPLACE FUNCTION {schema}.wake_at_commit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  stack text;
  ending boolean;
BEGIN
  -- Within a function, or by a statement that stores jobs or changes constraints, it fires early.
  -- A transaction without BEGIN may end where the server knows of no query any more.
  GET DIAGNOSTICS stack = PG_CONTEXT;
  ending := strpos(stack, chr(10)) = 0
    AND coalesce(current_query(), '') !~* 'constraints|prepare.*transaction|[.]tally';
  IF NOT ending AND current_setting('max_prepared_transactions')::integer > 0 THEN
    PERFORM nextval({prepared});
  ELSIF NOT ending
    OR current_setting('transaction_isolation') IN ('repeatable read', 'serializable')
    OR EXISTS (SELECT FROM {schema}.sleeper WHERE queues && NEW.queues) THEN
    PERFORM {schema}.wake(NEW.queues, NEW.count);
  END IF;
  RETURN NULL;
END
$$;

-- Nobody else needs it: a trigger asks for this right when it is made, not when it fires.
REVOKE EXECUTE ON FUNCTION {schema}.wake_at_commit() FROM PUBLIC;
