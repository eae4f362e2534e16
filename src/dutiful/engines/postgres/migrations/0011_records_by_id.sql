-- Errors and steps belong to a job by its id, because a number may be given twice: logical
-- replication copies no sequences. Rows of older releases have no id and go by the number.
ALTER TABLE {schema}.failure ADD COLUMN job_id text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE {schema}.step ADD COLUMN job_id text COLLATE "C" NOT NULL DEFAULT '';
