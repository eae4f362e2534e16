-- What the attempts of a job logged, as JSON: see `core/task_log.py`. An older release deletes a
-- job without its row here, and numbers are reused; therefore the id stands beside the number.
CREATE TABLE dutiful_job_log (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  body BLOB NOT NULL
);
