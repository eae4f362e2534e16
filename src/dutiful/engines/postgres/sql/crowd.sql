-- How many connections clients have, also as a role that may see no more of them than their users;
-- and how many there may be.
SELECT
  (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE usesysid IS NOT NULL),
  current_setting('max_connections')::integer
    - current_setting('superuser_reserved_connections')::integer
