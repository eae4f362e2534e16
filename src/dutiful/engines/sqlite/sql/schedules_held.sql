-- The rest, after what is due, that waits for a job to end.
SELECT
  name, spec, app, exclusive, version, number, created_at, changed_at, last_at, next_at, held_at,
  held_previous_at, since, paused_at, retired_at, broken, retry_at
FROM dutiful_schedule
WHERE held_at IS NOT NULL AND paused_at IS NULL AND retired_at IS NULL
  AND coalesce(retry_at, 0) <= ? AND coalesce(due_at, ? + 1) > ?
ORDER BY held_at, name LIMIT ?
