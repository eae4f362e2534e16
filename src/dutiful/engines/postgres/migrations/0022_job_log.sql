-- What the attempts of a job logged, as JSON: see `core/task_log.py`. An older release deletes a
-- job without its row here, and a number may be given twice; therefore the id stands beside it.
CREATE TABLE {schema}.job_log (
  seq bigint NOT NULL,
  job_id text COLLATE "C" NOT NULL,
  body bytea NOT NULL,
  PRIMARY KEY (seq, job_id)
);

ALTER TABLE {schema}.job_log SET (
  autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 2000
);
