CREATE TABLE dutiful_job (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  task TEXT NOT NULL,
  queue TEXT NOT NULL,
  state INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  args BLOB NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 0,
  max_attempts INTEGER NOT NULL,
  enqueued_at INTEGER NOT NULL,
  run_at INTEGER NOT NULL,
  started_at INTEGER,
  finished_at INTEGER,
  expires_at INTEGER,
  crashes INTEGER NOT NULL DEFAULT 0,
  fence INTEGER NOT NULL DEFAULT 0,
  worker TEXT,
  reason TEXT,
  parked_at INTEGER,
  cancel_requested INTEGER NOT NULL DEFAULT 0,
  unique_key TEXT,
  unique_states INTEGER NOT NULL DEFAULT 0,
  tags TEXT,
  meta TEXT,
  result BLOB,
  steps INTEGER NOT NULL DEFAULT 0,
  redriven_at INTEGER
);

CREATE UNIQUE INDEX dutiful_job_id ON dutiful_job (id);
-- The state stands in the index too, so that SQLite need not fetch the row to see it.
CREATE INDEX dutiful_job_ready ON dutiful_job (queue, priority DESC, run_at, seq, state)
  WHERE state = 1;
CREATE INDEX dutiful_job_due ON dutiful_job (queue, run_at, state) WHERE state IN (0, 3);
CREATE INDEX dutiful_job_running ON dutiful_job (worker) WHERE state = 2;
-- The queue is carried along so that jobs are counted without a look at their rows.
CREATE INDEX dutiful_job_final ON dutiful_job (state, finished_at, queue) WHERE state >= 4;
-- Rare, so cheap; lists the newest dead letters first, however many jobs succeeded since.
CREATE INDEX dutiful_job_dead ON dutiful_job (state, seq) WHERE state >= 5;
CREATE UNIQUE INDEX dutiful_job_unique ON dutiful_job (unique_key)
  WHERE unique_key IS NOT NULL AND (unique_states >> state) & 1;

CREATE TABLE dutiful_failure (
  seq INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  at INTEGER NOT NULL,
  worker TEXT NOT NULL,
  type TEXT NOT NULL,
  message TEXT NOT NULL,
  traceback TEXT NOT NULL,
  UNIQUE (seq, fence)
);

CREATE TABLE dutiful_step (
  seq INTEGER NOT NULL,
  name TEXT NOT NULL,
  result BLOB NOT NULL,
  UNIQUE (seq, name)
);

CREATE TABLE dutiful_worker (
  id TEXT PRIMARY KEY,
  queues TEXT NOT NULL,
  concurrency INTEGER NOT NULL,
  lease INTEGER NOT NULL,
  host TEXT NOT NULL,
  pid INTEGER NOT NULL,
  born INTEGER NOT NULL,
  version TEXT NOT NULL,
  joined_at INTEGER NOT NULL,
  renewed_at INTEGER NOT NULL,
  renewed_ticks INTEGER NOT NULL,
  boot TEXT NOT NULL,
  lost INTEGER NOT NULL DEFAULT 0,
  stalled_for INTEGER NOT NULL DEFAULT 0
);

-- Holds a row for each paused queue and for no other.
CREATE TABLE dutiful_queue (
  name TEXT PRIMARY KEY,
  paused_at INTEGER NOT NULL
);

CREATE TABLE dutiful_tally (
  name TEXT PRIMARY KEY,
  count INTEGER NOT NULL
);

INSERT INTO dutiful_tally (name, count) VALUES ('enqueued', 0), ('pruned', 0), ('purged', 0);
