-- Records what became of the occurrences of schedules.

-- name: live
-- The jobs of schedules that have not ended.
SELECT dutiful_occurrence.schedule, dutiful_job.id
FROM dutiful_occurrence INDEXED BY dutiful_occurrence_open
JOIN dutiful_job ON dutiful_job.id = dutiful_occurrence.job_id
WHERE dutiful_occurrence.open AND schedule IN (SELECT value FROM json_each(?))
  AND dutiful_job.state < 4
ORDER BY schedule, planned

-- name: occurrences, occurrences_dump
-- A page of one schedule's, the latest first, or (`occurrences_dump`) all of several schedules.
-- Of a job that has not ended, or not been looked at since, the job itself knows more.
SELECT
  schedule, planned, previous, number, kind, why, job_id, recorded_at, backfilled, start_by,
  finish_by, coalesce(dutiful_occurrence.started_at, dutiful_job.started_at),
  coalesce(dutiful_job.finished_at, dutiful_occurrence.finished_at),
  coalesce(dutiful_job.state, dutiful_occurrence.state), told
FROM dutiful_occurrence
LEFT JOIN dutiful_job ON dutiful_job.id = dutiful_occurrence.job_id AND dutiful_occurrence.open
WHERE schedule = ? AND planned < ? ORDER BY planned DESC LIMIT ?  -- only: occurrences
WHERE schedule IN (SELECT value FROM json_each(?))  -- only: occurrences_dump
ORDER BY schedule, planned  -- only: occurrences_dump

-- name: occurrences_known
-- Which of the given occurrences are recorded.
SELECT dutiful_occurrence.schedule, dutiful_occurrence.planned FROM json_each(?) AS given
JOIN dutiful_occurrence
  ON dutiful_occurrence.schedule = json_extract(given.value, '$[0]')
  AND dutiful_occurrence.planned = json_extract(given.value, '$[1]')

-- name: occurrences_add
INSERT INTO dutiful_occurrence (
  schedule, planned, previous, number, kind, why, job_id, recorded_at, backfilled, start_by,
  finish_by, open
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: occurrences_amend
-- Writes what became of an occurrence whose job gave way to another.
UPDATE dutiful_occurrence SET kind = ?, why = ?, job_id = ?, open = ?
WHERE schedule = ? AND planned = ?

-- name: occurrences_upto
-- The last that a review looks at; none when there are fewer.
SELECT schedule, planned FROM dutiful_occurrence
WHERE open AND (schedule, planned) > (?, ?) ORDER BY schedule, planned LIMIT 1 OFFSET ?

-- name: occurrences_open
-- The occurrences of a time range of which something has to be recorded or reported.
SELECT
  schedule, planned, previous, number, kind, why, job_id, recorded_at, backfilled, start_by,
  finish_by, coalesce(dutiful_occurrence.started_at, dutiful_job.started_at),
  coalesce(dutiful_job.finished_at, dutiful_occurrence.finished_at),
  coalesce(dutiful_job.state, dutiful_occurrence.state), told
FROM dutiful_occurrence
LEFT JOIN dutiful_job ON dutiful_job.id = dutiful_occurrence.job_id
WHERE dutiful_occurrence.open
  AND (schedule, planned) > (?, ?) AND (schedule, planned) <= (?, ?) AND (
  coalesce(dutiful_job.state, 4) >= 4
  OR (dutiful_occurrence.started_at IS NULL AND dutiful_job.started_at IS NOT NULL)
  OR (
    start_by < ? AND NOT told & 1
    AND coalesce(dutiful_occurrence.started_at, dutiful_job.started_at, ?) > start_by
  )
  OR (finish_by < ? AND NOT told & 2)
)
ORDER BY schedule, planned LIMIT ?

-- name: occurrences_note
-- Writes what a review has found out about an occurrence, and of what it has reported.
UPDATE dutiful_occurrence SET started_at = ?, finished_at = ?, state = ?, told = ?, open = ?
WHERE schedule = ? AND planned = ?

-- name: occurrences_forget
-- Deletes old occurrences, up to a number, whose jobs have ended.
DELETE FROM dutiful_occurrence WHERE schedule = ? AND number <= ? AND NOT open

-- name: occurrences_delete
DELETE FROM dutiful_occurrence WHERE schedule = ?

-- name: occurrences_fill
INSERT INTO dutiful_occurrence (
  schedule, planned, previous, number, kind, why, job_id, recorded_at, backfilled, start_by,
  finish_by, started_at, finished_at, state, told, open
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
