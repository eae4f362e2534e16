SELECT n_live_tup, n_dead_tup, extract(epoch FROM now() - last_autovacuum)::bigint
FROM pg_stat_all_tables WHERE relid = {job}::regclass::oid
