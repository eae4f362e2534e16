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
