INSERT OR REPLACE INTO dutiful_worker (
  id, queues, concurrency, lease, host, pid, born, version,
  joined_at, renewed_at, renewed_ticks, boot, lost
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
