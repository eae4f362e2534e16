INSERT INTO {schema}.worker (
  id, queues, concurrency, lease, host, pid, born, version, joined_at, renewed_at
)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, now, now
FROM (SELECT coalesce($9::bigint, {now}) AS now) AS clock
ON CONFLICT (id) DO UPDATE SET
  queues = excluded.queues, concurrency = excluded.concurrency, lease = excluded.lease,
  host = excluded.host, pid = excluded.pid, born = excluded.born, version = excluded.version,
  joined_at = excluded.joined_at, renewed_at = excluded.renewed_at
WHERE NOT worker.lost
RETURNING renewed_at
