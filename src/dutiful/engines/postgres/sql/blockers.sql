-- Who holds locks on the schema's tables, or the turn to migrate ($1), the longest first. A
-- prepared transaction has no session.
SELECT
  coalesce('session ' || activity.pid::text, 'a prepared transaction'),
  concat_ws(', ', nullif(application_name, ''), usename, state),
  pg_catalog.string_agg(DISTINCT coalesce(class.relname::text, 'the turn to migrate'), ', '),
  coalesce(extract(epoch FROM clock_timestamp() - min(xact_start))::bigint, 0)
FROM pg_locks AS lock
LEFT JOIN pg_class AS class ON class.oid = relation
LEFT JOIN pg_stat_activity AS activity ON activity.pid = lock.pid
WHERE granted AND lock.pid IS DISTINCT FROM pg_backend_pid()
  AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (
    class.relnamespace = to_regnamespace($2) AND class.relkind IN ('r', 'p')
    OR locktype = 'advisory' AND objsubid = 1
      AND classid::bigint = (hashtextextended($1::text, 0::bigint) >> 32) & 4294967295
      AND objid::bigint = hashtextextended($1::text, 0::bigint) & 4294967295
  )
GROUP BY activity.pid, lock.virtualtransaction, application_name, usename, state
ORDER BY min(xact_start) NULLS LAST LIMIT 3
