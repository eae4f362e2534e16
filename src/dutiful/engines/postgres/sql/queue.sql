-- Pauses queues, and shuts them while their jobs are copied to another store.

-- name: pause
-- Pauses a queue; one that was shut for a copy stays paused after it.
INSERT INTO {schema}.queue (name, paused_at) VALUES ($1, coalesce($2::bigint, {now}))
ON CONFLICT (name) DO UPDATE SET shut = false

-- name: paused
-- Queues that are paused or shut.
SELECT name, paused_at FROM {schema}.queue

-- name: resume
DELETE FROM {schema}.queue WHERE name = $1

-- name: shut
-- Pauses queues while their jobs are copied to a store ($3), and adds the store to those of queues
-- that are shut already.
INSERT INTO {schema}.queue AS known (name, paused_at, shut, shut_for)
SELECT name, coalesce($2::bigint, {now}), true, ARRAY[$3::text] FROM unnest($1::text[]) AS name
ON CONFLICT (name) DO UPDATE SET
  shut_for = pg_catalog.array_append(pg_catalog.array_remove(known.shut_for, $3::text), $3::text)
WHERE known.shut

-- name: shut_queues
-- Queues that are shut for one store, or with NULL for any.
SELECT name FROM {schema}.queue
WHERE shut AND ($1::text IS NULL OR shut_for IS NULL OR $1::text = ANY (shut_for)) ORDER BY name

-- name: reopen
-- Resumes queues that are shut, unless they are shut for yet another store.
DELETE FROM {schema}.queue
WHERE name = ANY ($1::text[]) AND shut AND (
  shut_for IS NULL OR pg_catalog.cardinality(pg_catalog.array_remove(shut_for, $2::text)) = 0
)
RETURNING name

-- name: unmark
-- Takes a store away from those for which queues are shut.
UPDATE {schema}.queue SET shut_for = pg_catalog.array_remove(shut_for, $2::text)
WHERE name = ANY ($1::text[]) AND shut AND $2::text = ANY (shut_for)
