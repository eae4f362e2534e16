SELECT
  name, spec, app, exclusive, version, number, created_at, changed_at, last_at, next_at, held_at,
  held_previous_at, since, paused_at, retired_at, broken, retry_at
FROM dutiful_schedule
