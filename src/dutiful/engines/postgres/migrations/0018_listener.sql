-- Gives the table of the workers that wait for a notification the name that the code uses: they
-- listen. Code of older releases goes on working through a view of the old name, which a later
-- migration drops. All else is as it was.
ALTER TABLE {schema}.sleeper RENAME TO listener;
ALTER INDEX {schema}.sleeper_pkey RENAME TO listener_pkey;
CREATE VIEW {schema}.sleeper AS SELECT id, queues, lock FROM {schema}.listener;

-- For a transaction that is one statement and ends with it. Wakes as many listeners as there are
-- jobs, and one more in case that one of them has frozen. A listener whose lock is free is dead and
-- skipped, so that a live one is woken instead. A listener whose row is locked is being woken by
-- another session, for which this one need not wait.
CREATE OR REPLACE FUNCTION {schema}.wake_some(wanted text[], jobs bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  said text;
BEGIN
  WITH chosen AS (
    SELECT id FROM {schema}.listener
    WHERE queues && wanted AND (lock IS NULL OR NOT pg_try_advisory_xact_lock_shared(lock))
    LIMIT least(jobs, 100) + 1 FOR UPDATE SKIP LOCKED
  ), woken AS (
    DELETE FROM {schema}.listener WHERE id IN (SELECT id FROM chosen) RETURNING id
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
-- At the commit it says nothing when no worker listens: notifications make commits wait for each
-- other. Before the commit (SET CONSTRAINTS ALL IMMEDIATE) it cannot know who will listen, nor
-- whether the transaction will be prepared, which one that has notified cannot be: on a server that
-- allows it, such a transaction counts itself instead, and is watched for.
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
    OR EXISTS (SELECT FROM {schema}.listener WHERE queues && NEW.queues) THEN
    PERFORM {schema}.wake(NEW.queues, NEW.count);
  END IF;
  RETURN NULL;
END
$$;
