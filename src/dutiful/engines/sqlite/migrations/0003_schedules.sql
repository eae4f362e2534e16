CREATE TABLE dutiful_schedule (
  name TEXT PRIMARY KEY,
  spec BLOB NOT NULL,
  app TEXT,
  exclusive INTEGER NOT NULL,
  version INTEGER NOT NULL,
  number INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  last_at INTEGER,
  next_at INTEGER,
  held_at INTEGER,
  since INTEGER NOT NULL,
  paused_at INTEGER,
  retired_at INTEGER,
  broken TEXT,
  retry_at INTEGER,
  -- When to look at it; nothing while it is paused, retired or at its end.
  due_at INTEGER GENERATED ALWAYS AS (
    CASE WHEN paused_at IS NULL AND retired_at IS NULL THEN max(next_at, coalesce(retry_at, 0)) END
  ) VIRTUAL
) WITHOUT ROWID;

CREATE INDEX dutiful_schedule_due ON dutiful_schedule (due_at, name) WHERE due_at IS NOT NULL;
CREATE INDEX dutiful_schedule_held ON dutiful_schedule (held_at, name) WHERE held_at IS NOT NULL;
CREATE INDEX dutiful_schedule_app ON dutiful_schedule (app, name) WHERE app IS NOT NULL;

CREATE TABLE dutiful_occurrence (
  schedule TEXT NOT NULL,
  planned INTEGER NOT NULL,
  previous INTEGER,
  number INTEGER NOT NULL,
  kind TEXT NOT NULL,
  why TEXT,
  job_id TEXT,
  recorded_at INTEGER NOT NULL,
  backfilled INTEGER NOT NULL,
  start_by INTEGER,
  finish_by INTEGER,
  started_at INTEGER,
  finished_at INTEGER,
  state INTEGER,
  -- Until its job's end has been noted here; the job itself may be deleted then.
  open INTEGER NOT NULL,
  -- Which missed deadlines were told of: 1 the start, 2 the finish.
  told INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (schedule, planned)
) WITHOUT ROWID;

CREATE INDEX dutiful_occurrence_open ON dutiful_occurrence (schedule, planned) WHERE open;
CREATE INDEX dutiful_occurrence_closed ON dutiful_occurrence (schedule, number) WHERE NOT open;

CREATE TABLE dutiful_edition (
  app TEXT NOT NULL,
  digest TEXT NOT NULL,
  rank INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  applied INTEGER NOT NULL,
  PRIMARY KEY (app, digest)
) WITHOUT ROWID;
