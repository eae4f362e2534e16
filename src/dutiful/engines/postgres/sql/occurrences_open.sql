-- Those of a stretch of which something is to be noted or told; one that is locked is being told
-- by another.
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
