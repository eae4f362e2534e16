INSERT INTO dutiful_occurrence (
  schedule, planned, previous, number, kind, why, job_id, recorded_at, backfilled, start_by,
  finish_by, started_at, finished_at, state, told, open
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
