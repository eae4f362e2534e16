-- Errors and steps belong to a job by its id, for the place in the line may come twice: logical
-- replication copies no sequences. The rows of older releases have none, and keep to the place.
ALTER TABLE {schema}.failure ADD COLUMN job_id text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE {schema}.step ADD COLUMN job_id text COLLATE "C" NOT NULL DEFAULT '';
