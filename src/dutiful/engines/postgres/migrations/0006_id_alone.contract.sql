-- The place only orders the line: a job is settled by its id, and so needs no second unique index.
DROP INDEX {schema}.job_dead;
ALTER TABLE {schema}.job DROP CONSTRAINT job_pkey;
ALTER TABLE {schema}.job ADD CONSTRAINT job_id PRIMARY KEY USING INDEX job_id;
