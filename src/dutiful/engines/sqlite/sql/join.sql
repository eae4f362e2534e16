INSERT INTO dutiful_worker (
  id, queues, concurrency, lease, host, pid, born, version,
  joined_at, renewed_at, renewed_ticks, boot, lost
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
ON CONFLICT (id) DO UPDATE SET
  queues = excluded.queues, concurrency = excluded.concurrency, lease = excluded.lease,
  host = excluded.host, pid = excluded.pid, born = excluded.born, version = excluded.version,
  joined_at = excluded.joined_at, renewed_at = excluded.renewed_at,
  renewed_ticks = excluded.renewed_ticks, boot = excluded.boot
WHERE lost = 0
