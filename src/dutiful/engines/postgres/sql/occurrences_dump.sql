SELECT
  schedule, planned, previous, number, kind, why, job_id, recorded_at, backfilled, start_by,
  finish_by, coalesce(occurrence.started_at, job.started_at),
  coalesce(job.finished_at, occurrence.finished_at), coalesce(job.state, occurrence.state),
  told
FROM {schema}.occurrence
LEFT JOIN {schema}.job ON job.id = occurrence.job_id AND occurrence.open
WHERE schedule = ANY ($1::text[]) ORDER BY schedule, planned
