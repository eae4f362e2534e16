SELECT
  current_setting('server_version_num')::integer, current_setting('server_version'),
  pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on',
  current_setting('fsync'),
  (SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit'),
  current_setting('full_page_writes'),
  (SELECT count(*) FROM pg_stat_activity WHERE usesysid IS NOT NULL),
  current_setting('max_connections')::integer
