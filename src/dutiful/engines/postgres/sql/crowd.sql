-- How many connections clients have, which every role may count, and how many there may be.
SELECT
  (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE usesysid IS NOT NULL),
  current_setting('max_connections')::integer
    - current_setting('superuser_reserved_connections')::integer
