SELECT
  schedule, planned, previous, number, kind, why, job_id, recorded_at, backfilled, start_by,
  finish_by, coalesce(dutiful_occurrence.started_at, dutiful_job.started_at),
  coalesce(dutiful_job.finished_at, dutiful_occurrence.finished_at),
  coalesce(dutiful_job.state, dutiful_occurrence.state), told
FROM dutiful_occurrence
LEFT JOIN dutiful_job ON dutiful_job.id = dutiful_occurrence.job_id AND dutiful_occurrence.open
WHERE schedule IN (SELECT value FROM json_each(?)) ORDER BY schedule, planned
