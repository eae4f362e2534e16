-- Asks the database about itself, and sets what a session needs.

-- name: settings
-- Presets of a database or a role must not change what our statements mean or promise. What the
-- client itself set, in the URL or PGOPTIONS, stays, except for the search path. Unknown settings
-- belong to other versions.
SELECT pg_catalog.set_config(setting.name, wanted.value, false)
FROM unnest($1::text[], $2::text[]) AS wanted (name, value)
JOIN pg_catalog.pg_settings AS setting ON setting.name = wanted.name
WHERE (setting.source <> 'client' OR setting.name = 'search_path')
  AND setting.setting <> wanted.value
  -- Behind a pooler that the URL does not name, others would be given what is set here.
  AND (setting.name <> ALL ($4::text[]) OR pg_catalog.pg_backend_pid() = $3::integer)
  AND (setting.name <> 'synchronous_commit' OR setting.setting = 'off')

-- name: database_identity
-- Which database of which server this is.
SELECT
  current_database()::text,
  (extract(epoch FROM pg_postmaster_start_time()) * 1000000::numeric)::bigint

-- name: health
-- What a check looks at: version, read-only, durability, connections.
SELECT
  current_setting('server_version_num')::integer, current_setting('server_version'),
  pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on',
  current_setting('fsync'),
  (SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit'),
  current_setting('full_page_writes'),
  (SELECT count(*) FROM pg_stat_activity WHERE usesysid IS NOT NULL),
  current_setting('max_connections')::integer

-- name: connections_in_use
-- How many connections there are and how many there may be: of all clients, of this role and to
-- this database, which every role may count. A limit of -1 is none, and superusers have none.
WITH client AS (
  SELECT usesysid, datid FROM pg_catalog.pg_stat_activity WHERE usesysid IS NOT NULL
), me AS (
  SELECT oid, rolconnlimit, rolsuper FROM pg_catalog.pg_roles WHERE rolname = session_user
)
SELECT
  (SELECT count(*) FROM client),
  current_setting('max_connections')::integer
    - current_setting('superuser_reserved_connections')::integer
    - coalesce(current_setting('reserved_connections', true)::integer, 0)
UNION ALL
SELECT (SELECT count(*) FROM client WHERE usesysid = me.oid), rolconnlimit
FROM me WHERE rolconnlimit >= 0 AND NOT rolsuper
UNION ALL
SELECT (SELECT count(*) FROM client WHERE datid = base.oid), datconnlimit
FROM pg_catalog.pg_database AS base
WHERE datname = current_database() AND datconnlimit >= 0 AND NOT (SELECT rolsuper FROM me)

-- name: indexes
-- The indexes of jobs that are complete; a check misses what is not among them.
SELECT class.relname FROM pg_index
JOIN pg_class AS class ON class.oid = indexrelid
WHERE indrelid = {job}::regclass::oid AND indisvalid AND indisready

-- name: sequence_position
-- The newest by their ids are among those with the highest numbers. The sequence is asked after the
-- rows were fixed, so it can only have gone on. Who may not use it gives out no numbers.
SELECT
  (SELECT max(seq) FROM (SELECT seq FROM {schema}.job ORDER BY id DESC LIMIT 100) AS newest),
  CASE WHEN has_sequence_privilege(sequence, 'USAGE')
    THEN coalesce(pg_sequence_last_value(sequence::regclass), 0) END
FROM pg_get_serial_sequence({job}, 'seq') AS sequence

-- name: bloat
-- Rows that are alive, rows that are dead, and how long ago the last vacuum was.
SELECT n_live_tup, n_dead_tup, extract(epoch FROM now() - last_autovacuum)::bigint
FROM pg_stat_all_tables WHERE relid = {job}::regclass::oid

-- name: horizon
-- What keeps dead rows of this database from being removed. An open transaction does so by what it
-- sees or, once it has written, by its own number; a vacuum does not, nor does the catalogue's
-- horizon of a slot for logical replication. Where the role may not see a time (or the server is
-- too old to keep one) the age in transactions decides.
SELECT
  'snapshot', coalesce(nullif(application_name, ''), 'process') || ' ' || pid::text,
  extract(epoch FROM clock_timestamp() - xact_start)::bigint
FROM pg_stat_activity
WHERE (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)
  AND (datid IS NULL OR datid = (SELECT oid FROM pg_database WHERE datname = current_database()))
  AND pid NOT IN (SELECT pid FROM pg_stat_progress_vacuum) AND pid <> pg_backend_pid()
  AND CASE WHEN xact_start IS NULL THEN greatest(age(backend_xid), age(backend_xmin)) > $2
    ELSE xact_start < clock_timestamp() - make_interval(secs => $1) END
UNION ALL
SELECT 'prepared transaction', gid, extract(epoch FROM clock_timestamp() - prepared)::bigint
FROM pg_prepared_xacts
WHERE database = current_database() AND prepared < clock_timestamp() - make_interval(secs => $1)
UNION ALL
SELECT
  'replication slot', slot_name::text, extract(epoch FROM clock_timestamp() - since)::bigint
FROM (
  SELECT
    slot_name, xmin,
    (pg_catalog.to_jsonb(slot) ->> 'inactive_since'::text)::timestamptz AS since
  FROM pg_replication_slots AS slot WHERE xmin IS NOT NULL
) AS slots
WHERE age(xmin) > $2 OR since < clock_timestamp() - make_interval(secs => $1)
ORDER BY 3 DESC NULLS LAST
