-- Records migrations, lets one session at a time apply them, and finds what is in their way.

-- name: migrations_exist
-- By the catalogue's rows: a session that has looked before believes, as to_regclass does, what it
-- saw then, and a pooler gives us the sessions of others.
SELECT EXISTS (
  SELECT FROM pg_class AS class JOIN pg_namespace AS space ON space.oid = class.relnamespace
  WHERE space.nspname = $1 AND class.relname = 'migration'
)

-- name: migrations_create
CREATE TABLE IF NOT EXISTS {schema}.migration (
  number integer PRIMARY KEY,
  name text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)

-- name: migrations
SELECT number, name FROM {schema}.migration

-- name: migrated
INSERT INTO {schema}.migration (number, name) VALUES ($1, $2)

-- name: migration_lock
-- The turn to migrate, until the transaction ends.
SELECT pg_try_advisory_xact_lock(hashtextextended($1::text, 0::bigint))

-- name: migration_session_lock
-- The turn to migrate, until the session ends: some migrations run outside a transaction.
SELECT pg_try_advisory_lock(hashtextextended($1::text, 0::bigint))

-- name: migration_script_lock
-- The turn to migrate, for a script that psql runs.
DO $$ BEGIN
  IF NOT pg_try_advisory_lock(hashtextextended({channel}::text, 0::bigint)) THEN
    RAISE EXCEPTION 'another session migrates this schema; wait until it is done';
  END IF;
END $$

-- name: migration_unlock
-- Ends the turn that `turn_script` has taken.
SELECT pg_advisory_unlock(hashtextextended({channel}::text, 0::bigint))

-- name: invalid
-- What an interrupted CREATE or DROP INDEX CONCURRENTLY leaves behind.
SELECT class.relname FROM pg_index JOIN pg_class AS class ON class.oid = indexrelid
WHERE class.relnamespace = to_regnamespace($1) AND NOT indisvalid AND class.relname = ANY($2)

-- name: blockers
-- Who holds locks on the schema's tables, or the turn to migrate ($1), the longest first. A
-- prepared transaction has no session.
SELECT
  coalesce('session ' || activity.pid::text, 'a prepared transaction'),
  concat_ws(', ', nullif(application_name, ''), usename, state),
  pg_catalog.string_agg(DISTINCT coalesce(class.relname::text, 'the turn to migrate'), ', '),
  coalesce(extract(epoch FROM clock_timestamp() - min(xact_start))::bigint, 0)
FROM pg_locks AS lock
LEFT JOIN pg_class AS class ON class.oid = relation
LEFT JOIN pg_stat_activity AS activity ON activity.pid = lock.pid
WHERE granted AND lock.pid IS DISTINCT FROM pg_backend_pid()
  AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (
    class.relnamespace = to_regnamespace($2) AND class.relkind IN ('r', 'p')
    OR locktype = 'advisory' AND objsubid = 1
      AND classid::bigint = (hashtextextended($1::text, 0::bigint) >> 32) & 4294967295
      AND objid::bigint = hashtextextended($1::text, 0::bigint) & 4294967295
  )
GROUP BY activity.pid, lock.virtualtransaction, application_name, usename, state
ORDER BY min(xact_start) NULLS LAST LIMIT 3

-- name: rights
-- On which tables and sequences of the schema this role lacks rights.
SELECT relname FROM pg_catalog.pg_class
WHERE relnamespace = (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = {job}::regclass::oid)
  AND relname <> 'migration' AND CASE
    WHEN relkind IN ('r', 'p') THEN NOT (
      has_table_privilege(oid, 'SELECT'::text) AND has_table_privilege(oid, 'INSERT'::text)
      AND has_table_privilege(oid, 'UPDATE'::text) AND has_table_privilege(oid, 'DELETE'::text)
    )
    -- Also that of the identity column: batches with several unique keys number their jobs.
    WHEN relkind = 'S' THEN NOT has_sequence_privilege(oid, 'USAGE'::text)
    ELSE false
  END
ORDER BY relname

-- name: regrant
-- Roles that hold all four rights on the first tables get them on what a migration has added.
-- No right is revoked, and none is granted twice.
DO $$
DECLARE
  lacking record;
BEGIN
  FOR lacking IN
    WITH relation AS (
      SELECT oid, relname, relkind, relowner, relacl FROM pg_catalog.pg_class
      WHERE relnamespace = (
        SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = {job}::regclass
      )
        AND relkind IN ('r', 'p', 'v', 'S')
    ), given AS (
      SELECT relation.oid, relname, relowner, acl.grantee, acl.privilege_type
      FROM relation, aclexplode(relation.relacl) AS acl
      WHERE acl.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'USAGE')
        AND acl.grantee <> relation.relowner
    ), worker AS (
      SELECT grantee FROM given WHERE relname IN ('job', 'worker', 'failure')
      GROUP BY grantee HAVING count(DISTINCT (relname::text, privilege_type)) = 12
    )
    SELECT relation.oid::regclass AS name, CASE
      WHEN relkind = 'S' THEN 'USAGE ON SEQUENCE'
      ELSE 'SELECT, INSERT, UPDATE, DELETE ON TABLE'
    END AS what, CASE
      WHEN worker.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(worker.grantee))
    END AS who
    FROM relation CROSS JOIN worker
    WHERE pg_has_role(relation.relowner, 'USAGE') AND (
      SELECT count(DISTINCT given.privilege_type) FROM given
      WHERE given.oid = relation.oid AND given.grantee = worker.grantee
        AND (given.privilege_type = 'USAGE') = (relkind = 'S')
    ) < CASE WHEN relkind = 'S' THEN 1 ELSE 4 END
  LOOP
    EXECUTE format('GRANT %s %s TO %s', lacking.what, lacking.name, lacking.who);
  END LOOP;
END $$
