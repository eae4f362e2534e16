-- Stores, finds and moves schedules, and the declaration versions of the apps that declare them.

-- name: schedules
-- Schedules by name, page by page.
SELECT
  name, spec, app, exclusive, version, number, created_at, changed_at, last_at, next_at, held_at,
  held_previous_at, since, paused_at, retired_at, broken, retry_at
FROM {schema}.schedule WHERE name > $1 ORDER BY name LIMIT $2

-- name: schedules_named
SELECT
  name, spec, app, exclusive, version, number, created_at, changed_at, last_at, next_at, held_at,
  held_previous_at, since, paused_at, retired_at, broken, retry_at
FROM {schema}.schedule WHERE name = ANY ($1::text[]) ORDER BY name

-- name: schedules_of
-- The names of the schedules of an app.
SELECT name FROM {schema}.schedule WHERE app = $1

-- name: schedules_guard
-- One session at a time creates schedules; the server ends the transaction of one that has stopped.
SELECT
  coalesce($1::bigint, {now}),
  pg_advisory_xact_lock(hashtextextended('dutiful schedules ' || $2::text, 0::bigint))::text,
  set_config('idle_in_transaction_session_timeout', $3::text, true)

-- name: schedules_locked
-- Named ones, and those of an app, in the order in which all lock them.
SELECT
  name, spec, app, exclusive, version, number, created_at, changed_at, last_at, next_at, held_at,
  held_previous_at, since, paused_at, retired_at, broken, retry_at
FROM {schema}.schedule WHERE name = ANY ($1::text[])
ORDER BY name FOR UPDATE

-- name: schedules_put
INSERT INTO {schema}.schedule (
  name, spec, app, exclusive, version, number, created_at, changed_at, last_at, next_at, held_at,
  held_previous_at, since, paused_at, retired_at, broken, retry_at
)
SELECT * FROM unnest(
  $1::text[], $2::bytea[], $3::text[], $4::boolean[], $5::bigint[], $6::bigint[], $7::bigint[],
  $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
  $14::bigint[], $15::bigint[], $16::text[], $17::bigint[]
)
ON CONFLICT (name) DO UPDATE SET
  spec = excluded.spec, app = excluded.app, exclusive = excluded.exclusive,
  version = excluded.version, number = excluded.number, created_at = excluded.created_at,
  changed_at = excluded.changed_at, last_at = excluded.last_at, next_at = excluded.next_at,
  held_at = excluded.held_at, held_previous_at = excluded.held_previous_at,
  since = excluded.since, paused_at = excluded.paused_at, retired_at = excluded.retired_at,
  broken = excluded.broken, retry_at = excluded.retry_at

-- name: schedules_delete
DELETE FROM {schema}.schedule WHERE name = ANY ($1::text[])

-- name: schedules_due
-- What is due, then what waits for a job to end; and the time, and when the next is due,
-- which need a row to stand in when nothing is asked for.
SELECT clock.now, (
    SELECT due_at FROM {schema}.schedule WHERE due_at > clock.now ORDER BY due_at LIMIT 1
  ) - clock.now,
  name, spec, app, exclusive, version, number, created_at, changed_at, last_at, next_at, held_at,
  held_previous_at, since, paused_at, retired_at, broken, retry_at
FROM (SELECT coalesce($2::bigint, {now}) AS now) AS clock
LEFT JOIN LATERAL (
  (
    SELECT *, 0 AS part, due_at AS place FROM {schema}.schedule
    WHERE due_at <= clock.now ORDER BY due_at, name LIMIT $1
  ) UNION ALL (
    SELECT *, 1 AS part, held_at AS place FROM {schema}.schedule
    WHERE held_at IS NOT NULL AND paused_at IS NULL AND retired_at IS NULL
      AND coalesce(retry_at, 0) <= clock.now AND coalesce(due_at, clock.now + 1) > clock.now
    ORDER BY held_at, name LIMIT $1
  )
) AS found ON true
ORDER BY part, place, name LIMIT greatest($1, 1)

-- name: schedules_admit
-- The schedules whose moves are admitted. Another session is advancing one that is locked. If we
-- stop half-way, the server releases our locks.
SELECT schedule.name, schedule.number FROM unnest(
  $1::text[], $2::bigint[], $3::boolean[]
) AS given (name, version, by_hand)
JOIN {schema}.schedule ON schedule.name = given.name,
  (SELECT set_config('idle_in_transaction_session_timeout', $4::text, true)) AS patience
WHERE schedule.version = given.version AND schedule.retired_at IS NULL
  AND (schedule.paused_at IS NULL OR given.by_hand)
FOR UPDATE OF schedule SKIP LOCKED

-- name: schedules_advance
-- Writes where schedules stand after their moves.
UPDATE {schema}.schedule SET
  version = schedule.version + 1, number = given.number, last_at = given.last_at,
  next_at = given.next_at, held_at = given.held_at,
  held_previous_at = given.held_previous_at, broken = given.broken, retry_at = given.retry_at
FROM unnest(
  $1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[],
  $8::bigint[]
) AS given (name, number, last_at, next_at, held_at, held_previous_at, broken, retry_at)
WHERE schedule.name = given.name

-- name: schedules_shut
-- Those that a copy from this store may fill in again.
SELECT name FROM {schema}.schedule
WHERE name = ANY ($1::text[]) AND paused_at = $2::bigint AND coalesce(shut_for, $3::text) = $3::text

-- name: schedules_mark
-- Notes for which store schedules are paused, if they still are since that time.
UPDATE {schema}.schedule SET shut_for = CASE WHEN paused_at = $2::bigint THEN $3::text END
WHERE name = ANY ($1::text[])

-- name: schedules_reopen
-- Resumes schedules that were paused for a store.
UPDATE {schema}.schedule SET paused_at = NULL, shut_for = NULL, version = version + 1
WHERE name = ANY ($1::text[]) AND paused_at = $2::bigint AND coalesce(shut_for, $3::text) = $3::text
RETURNING name

-- name: declaration_versions
SELECT digest, rank, seen_at, applied FROM {schema}.edition WHERE app = $1

-- name: declaration_version_put
INSERT INTO {schema}.edition (app, digest, rank, seen_at, applied) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (app, digest) DO UPDATE SET
  rank = excluded.rank, seen_at = excluded.seen_at, applied = excluded.applied

-- name: declaration_versions_forget
DELETE FROM {schema}.edition WHERE app = $1 AND digest = ANY ($2::text[])
