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
