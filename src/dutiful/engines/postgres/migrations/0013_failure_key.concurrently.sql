CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS failure_key
  ON {schema}.failure (seq, fence, job_id);
