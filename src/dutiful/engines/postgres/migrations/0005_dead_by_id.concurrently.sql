-- Jobs are listed by their ids, dead letters too; job_dead yields them by their place.
CREATE INDEX CONCURRENTLY IF NOT EXISTS job_dead_id ON {schema}.job (state, id) WHERE state >= 5;
