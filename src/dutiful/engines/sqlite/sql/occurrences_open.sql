-- Those of a stretch of which something is to be noted or told.
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
