-- What keeps dead rows from being removed, and for how long. Ages of slots are in transactions.
SELECT
  'snapshot',
  coalesce(nullif(application_name, ''), 'process ' || pid) || ' (' || state || ')',
  extract(epoch FROM clock_timestamp() - xact_start)::bigint
FROM pg_stat_activity
WHERE backend_xmin IS NOT NULL AND backend_type = 'client backend'
  AND xact_start < clock_timestamp() - make_interval(secs => $1)
UNION ALL
SELECT 'prepared transaction', gid, extract(epoch FROM clock_timestamp() - prepared)::bigint
FROM pg_prepared_xacts WHERE prepared < clock_timestamp() - make_interval(secs => $1)
UNION ALL
SELECT 'replication slot', slot_name, NULL FROM pg_replication_slots
WHERE greatest(age(xmin), age(catalog_xmin)) > $2
ORDER BY 3 DESC NULLS LAST
