SELECT
  current_database()::text,
  (extract(epoch FROM pg_postmaster_start_time()) * 1000000::numeric)::bigint
