SELECT
  current_setting('server_version_num')::integer, current_setting('server_version'),
  pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on',
  current_setting('fsync'), current_setting('synchronous_commit'),
  current_setting('full_page_writes'),
  (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
  current_setting('max_connections')::integer
