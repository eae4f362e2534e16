CREATE TABLE {schema}.schedule (
  name text COLLATE "C" PRIMARY KEY,
  spec bytea NOT NULL,
  app text COLLATE "C",
  exclusive boolean NOT NULL,
  version bigint NOT NULL,
  number bigint NOT NULL,
  created_at bigint NOT NULL,
  changed_at bigint NOT NULL,
  last_at bigint,
  next_at bigint,
  held_at bigint,
  since bigint NOT NULL,
  paused_at bigint,
  retired_at bigint,
  broken text,
  retry_at bigint,
  -- When to look at it; nothing while it is paused, retired or at its end.
  due_at bigint GENERATED ALWAYS AS (
    CASE WHEN paused_at IS NULL AND retired_at IS NULL AND next_at IS NOT NULL
      THEN greatest(next_at, retry_at) END
  ) STORED
) WITH (fillfactor = 50);

CREATE INDEX schedule_due ON {schema}.schedule (due_at, name) WHERE due_at IS NOT NULL;
CREATE INDEX schedule_held ON {schema}.schedule (held_at, name) WHERE held_at IS NOT NULL;
CREATE INDEX schedule_app ON {schema}.schedule (app, name) WHERE app IS NOT NULL;

CREATE TABLE {schema}.occurrence (
  schedule text COLLATE "C" NOT NULL,
  planned bigint NOT NULL,
  previous bigint,
  number bigint NOT NULL,
  kind text NOT NULL,
  why text,
  job_id text COLLATE "C",
  recorded_at bigint NOT NULL,
  backfilled boolean NOT NULL,
  start_by bigint,
  finish_by bigint,
  started_at bigint,
  finished_at bigint,
  state smallint,
  -- Until its job's end has been noted here; the job itself may be deleted then.
  open boolean NOT NULL,
  -- Which missed deadlines were told of: 1 the start, 2 the finish.
  told smallint NOT NULL DEFAULT 0,
  PRIMARY KEY (schedule, planned)
);

CREATE INDEX occurrence_open ON {schema}.occurrence (schedule, planned) WHERE open;
CREATE INDEX occurrence_closed ON {schema}.occurrence (schedule, number) WHERE NOT open;

CREATE TABLE {schema}.edition (
  app text COLLATE "C" NOT NULL,
  digest text COLLATE "C" NOT NULL,
  rank bigint NOT NULL,
  seen_at bigint NOT NULL,
  applied bigint NOT NULL,
  PRIMARY KEY (app, digest)
);

ALTER TABLE {schema}.schedule SET (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000
);
ALTER TABLE {schema}.occurrence SET (
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05
);

-- For people: what the tables hold, in readable types.
CREATE VIEW {schema}.schedules AS SELECT
  name, app, convert_from(spec, 'UTF8')::jsonb ->> 'task' AS task,
  CASE WHEN retired_at IS NOT NULL THEN 'retired' WHEN paused_at IS NOT NULL THEN 'paused'
    WHEN broken IS NOT NULL THEN 'broken' WHEN next_at IS NULL THEN 'ended' ELSE 'active' END
    AS state,
  to_timestamp(next_at / 1e6) AS next_at, to_timestamp(last_at / 1e6) AS last_at,
  number AS occurrences, broken, convert_from(spec, 'UTF8')::jsonb AS spec,
  to_timestamp(created_at / 1e6) AS created_at, to_timestamp(changed_at / 1e6) AS changed_at
FROM {schema}.schedule;

CREATE VIEW {schema}.occurrences AS SELECT
  schedule, to_timestamp(planned / 1e6) AS planned, kind, why, job_id,
  to_timestamp(recorded_at / 1e6) AS recorded_at, backfilled, number
FROM {schema}.occurrence;
