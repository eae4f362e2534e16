-- Records what became of the occurrences of schedules.

-- name: live
-- The jobs of schedules that have not ended.
SELECT occurrence.schedule, job.id FROM {schema}.occurrence
JOIN {schema}.job ON job.id = occurrence.job_id
WHERE occurrence.open AND occurrence.schedule = ANY ($1::text[]) AND job.state + 0 < 4
ORDER BY occurrence.schedule, occurrence.planned

-- name: occurrences, occurrences_dump
-- A page of one schedule's, the latest first, or (`occurrences_dump`) all of several schedules.
-- Of a job that has not ended, or not been looked at since, the job itself knows more.
SELECT
  schedule, planned, previous, number, kind, why, job_id, recorded_at, backfilled, start_by,
  finish_by, coalesce(occurrence.started_at, job.started_at),
  coalesce(job.finished_at, occurrence.finished_at), coalesce(job.state, occurrence.state),
  told
FROM {schema}.occurrence
LEFT JOIN {schema}.job ON job.id = occurrence.job_id AND occurrence.open
WHERE schedule = $1 AND ($2::bigint IS NULL OR planned < $2)  -- only: occurrences
ORDER BY planned DESC LIMIT $3  -- only: occurrences
WHERE schedule = ANY ($1::text[]) ORDER BY schedule, planned  -- only: occurrences_dump

-- name: occurrences_add
-- Those that are recorded already are passed over, and their numbers are not spent.
INSERT INTO {schema}.occurrence (
  schedule, planned, previous, number, kind, why, job_id, recorded_at, backfilled, start_by,
  finish_by, open
)
SELECT
  name, planned, previous, base + row_number() OVER (PARTITION BY name ORDER BY place), kind, why,
  job_id, coalesce($11::bigint, {now}), backfilled, start_by, finish_by, job_id IS NOT NULL
FROM unnest(
  $1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[],
  $8::boolean[], $9::bigint[], $10::bigint[]
) WITH ORDINALITY AS given (
  name, planned, previous, base, kind, why, job_id, backfilled, start_by, finish_by, place
)
WHERE NOT EXISTS (
  SELECT FROM {schema}.occurrence AS known
  WHERE known.schedule = given.name AND known.planned = given.planned
)
ON CONFLICT DO NOTHING
RETURNING schedule, planned

-- name: occurrences_amend
-- Writes what became of occurrences whose jobs gave way to others.
UPDATE {schema}.occurrence SET
  kind = given.kind, why = given.why, job_id = given.job_id, open = given.open
FROM unnest(
  $1::text[], $2::text[], $3::text[], $4::boolean[], $5::text[], $6::bigint[]
) AS given (kind, why, job_id, open, schedule, planned)
WHERE occurrence.schedule = given.schedule AND occurrence.planned = given.planned

-- name: occurrences_upto
-- The last that a review looks at; none when there are fewer.
SELECT schedule, planned FROM {schema}.occurrence
WHERE open AND (schedule, planned) > ($1::text, $2::bigint)
ORDER BY schedule, planned LIMIT 1 OFFSET $3

-- name: occurrences_open
-- The occurrences of a time range of which something has to be recorded or reported; another
-- session is reporting one that is locked.
SELECT
  schedule, planned, previous, number, kind, why, job_id, recorded_at, backfilled, start_by,
  finish_by, coalesce(occurrence.started_at, job.started_at),
  coalesce(job.finished_at, occurrence.finished_at), coalesce(job.state, occurrence.state), told,
  clock.now
FROM (SELECT coalesce($1::bigint, {now}) AS now) AS clock, {schema}.occurrence
LEFT JOIN {schema}.job ON job.id = occurrence.job_id
WHERE occurrence.open
  AND (schedule, planned) > ($3::text, $4::bigint)
  AND (schedule, planned) <= ($5::text, $6::bigint) AND (
  coalesce(job.state, 4) >= 4
  OR (occurrence.started_at IS NULL AND job.started_at IS NOT NULL)
  OR (
    start_by < clock.now AND told OPERATOR(pg_catalog.&) 1 = 0
    AND coalesce(occurrence.started_at, job.started_at, clock.now) > start_by
  )
  OR (finish_by < clock.now AND told OPERATOR(pg_catalog.&) 2 = 0)
)
ORDER BY schedule, planned LIMIT $2
FOR UPDATE OF occurrence SKIP LOCKED

-- name: occurrences_note
-- Writes what a review has found out about occurrences, and of what it has reported.
UPDATE {schema}.occurrence SET
  started_at = given.started_at, finished_at = given.finished_at, state = given.state,
  told = given.told, open = given.open
FROM unnest(
  $1::bigint[], $2::bigint[], $3::smallint[], $4::smallint[], $5::boolean[], $6::text[],
  $7::bigint[]
) AS given (started_at, finished_at, state, told, open, schedule, planned)
WHERE occurrence.schedule = given.schedule AND occurrence.planned = given.planned

-- name: occurrences_forget
-- Deletes old occurrences, up to a number, whose jobs have ended.
DELETE FROM {schema}.occurrence USING unnest($1::text[], $2::bigint[]) AS given (name, number)
WHERE NOT open AND schedule = given.name AND occurrence.number <= given.number

-- name: occurrences_delete
DELETE FROM {schema}.occurrence WHERE schedule = ANY ($1::text[])

-- name: occurrences_fill
INSERT INTO {schema}.occurrence (
  schedule, planned, previous, number, kind, why, job_id, recorded_at, backfilled, start_by,
  finish_by, started_at, finished_at, state, told, open
)
SELECT * FROM unnest(
  $1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[],
  $8::bigint[], $9::boolean[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
  $14::smallint[], $15::smallint[], $16::boolean[]
)
