-- Stores, finds and moves schedules, and the declaration versions of the apps that declare them.

-- name: schedules
-- Schedules by name, page by page.
SELECT
  name, spec, app, exclusive, version, number, created_at, changed_at, last_at, next_at, held_at,
  held_previous_at, since, paused_at, retired_at, broken, retry_at
FROM dutiful_schedule WHERE name > ? ORDER BY name LIMIT ?

-- name: schedules_named
SELECT
  name, spec, app, exclusive, version, number, created_at, changed_at, last_at, next_at, held_at,
  held_previous_at, since, paused_at, retired_at, broken, retry_at
FROM dutiful_schedule WHERE name IN (SELECT value FROM json_each(?)) ORDER BY name

-- name: schedules_of
-- The names of the schedules of an app.
SELECT name FROM dutiful_schedule WHERE app = ?

-- name: schedules_put
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

-- name: schedules_delete
DELETE FROM dutiful_schedule WHERE name = ?

-- name: schedules_due
-- What is due.
SELECT
  name, spec, app, exclusive, version, number, created_at, changed_at, last_at, next_at, held_at,
  held_previous_at, since, paused_at, retired_at, broken, retry_at
FROM dutiful_schedule WHERE due_at <= ? ORDER BY due_at, name LIMIT ?

-- name: schedules_held
-- The rest, after what is due, that waits for a job to end.
SELECT
  name, spec, app, exclusive, version, number, created_at, changed_at, last_at, next_at, held_at,
  held_previous_at, since, paused_at, retired_at, broken, retry_at
FROM dutiful_schedule
WHERE held_at IS NOT NULL AND paused_at IS NULL AND retired_at IS NULL
  AND coalesce(retry_at, 0) <= ? AND coalesce(due_at, ? + 1) > ?
ORDER BY held_at, name LIMIT ?

-- name: schedule_next
-- When the next schedule is due.
SELECT due_at FROM dutiful_schedule WHERE due_at > ? ORDER BY due_at LIMIT 1

-- name: standings
-- All schedules, to find those that cannot be read.
SELECT
  name, spec, app, exclusive, version, number, created_at, changed_at, last_at, next_at, held_at,
  held_previous_at, since, paused_at, retired_at, broken, retry_at
FROM dutiful_schedule

-- name: schedules_advance
-- Writes where a schedule stands after its move.
UPDATE dutiful_schedule SET
  version = version + 1, number = ?, last_at = ?, next_at = ?, held_at = ?,
  held_previous_at = ?, broken = ?, retry_at = ?
WHERE name = ?

-- name: schedules_shut
-- Those that a copy from this store may fill in again.
SELECT name FROM dutiful_schedule WHERE paused_at = ? AND (shut_for IS NULL OR shut_for = ?)

-- name: schedules_mark
-- Notes for which store a schedule is paused, if it still is since that time.
UPDATE dutiful_schedule SET shut_for = CASE WHEN paused_at = ? THEN ? END WHERE name = ?

-- name: schedules_reopen
-- Resumes a schedule that was paused for a store.
UPDATE dutiful_schedule SET paused_at = NULL, shut_for = NULL, version = version + 1
WHERE name = ? AND paused_at = ? AND (shut_for IS NULL OR shut_for = ?)

-- name: declaration_versions
SELECT digest, rank, seen_at, applied FROM dutiful_edition WHERE app = ?

-- name: declaration_version_put
INSERT INTO dutiful_edition (app, digest, rank, seen_at, applied) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (app, digest) DO UPDATE SET
  rank = excluded.rank, seen_at = excluded.seen_at, applied = excluded.applied

-- name: declaration_versions_forget
DELETE FROM dutiful_edition WHERE app = ? AND digest = ?
