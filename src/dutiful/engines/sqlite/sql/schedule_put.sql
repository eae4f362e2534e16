INSERT INTO dutiful_schedule (
  name, spec, app, exclusive, version, number, created_at, changed_at, last_at, next_at, held_at,
  held_previous_at, since, paused_at, retired_at, broken, retry_at
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET
  spec = excluded.spec, app = excluded.app, exclusive = excluded.exclusive,
  version = excluded.version, number = excluded.number, created_at = excluded.created_at,
  changed_at = excluded.changed_at, last_at = excluded.last_at, next_at = excluded.next_at,
  held_at = excluded.held_at, held_previous_at = excluded.held_previous_at,
  since = excluded.since, paused_at = excluded.paused_at, retired_at = excluded.retired_at,
  broken = excluded.broken, retry_at = excluded.retry_at
