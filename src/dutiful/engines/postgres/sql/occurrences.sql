-- Of a job that has not ended, or not been looked at since, the job itself knows more.
SELECT
  schedule, planned, previous, number, kind, why, job_id, recorded_at, backfilled, start_by,
  finish_by, coalesce(occurrence.started_at, job.started_at),
  coalesce(job.finished_at, occurrence.finished_at), coalesce(job.state, occurrence.state),
  told
FROM {schema}.occurrence
LEFT JOIN {schema}.job ON job.id = occurrence.job_id AND occurrence.open
WHERE schedule = $1 AND ($2::bigint IS NULL OR planned < $2) ORDER BY planned DESC LIMIT $3
