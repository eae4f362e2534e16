CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS step_key ON {schema}.step (seq, name, job_id);
