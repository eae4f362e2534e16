-- The lock is held until the session ends; the server finds out soon when its other end is gone.
SELECT
  pg_advisory_lock($1),
  set_config('tcp_keepalives_idle', '5', false),
  set_config('tcp_keepalives_interval', '2', false),
  set_config('tcp_keepalives_count', '3', false)
