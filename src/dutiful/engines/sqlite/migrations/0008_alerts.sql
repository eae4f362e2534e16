-- Counts of what happened, by minute and by hour, to which every worker adds.
CREATE TABLE dutiful_activity (
  span INTEGER NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  queue TEXT NOT NULL,
  name TEXT NOT NULL,
  succeeded INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  dead INTEGER NOT NULL DEFAULT 0,
  rescued INTEGER NOT NULL DEFAULT 0,
  expired INTEGER NOT NULL DEFAULT 0,
  unknown INTEGER NOT NULL DEFAULT 0,
  late INTEGER NOT NULL DEFAULT 0,
  missed INTEGER NOT NULL DEFAULT 0,
  lost INTEGER NOT NULL DEFAULT 0,
  runs INTEGER NOT NULL DEFAULT 0,
  run_sum INTEGER NOT NULL DEFAULT 0,
  run_max INTEGER NOT NULL DEFAULT 0,
  error TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (span, at, kind, queue, name)
) WITHOUT ROWID;

-- Alerts, messages about them, silences, and when a process last evaluated the rules: see
-- `contract/roles/alert_store.py`. The body is JSON.
CREATE TABLE dutiful_alert (
  kind INTEGER NOT NULL CHECK (typeof(kind) = 'integer'),
  key TEXT NOT NULL CHECK (typeof(key) = 'text'),
  version INTEGER NOT NULL CHECK (typeof(version) = 'integer'),
  at INTEGER NOT NULL CHECK (typeof(at) = 'integer'),
  body TEXT NOT NULL,
  PRIMARY KEY (kind, key)
) WITHOUT ROWID;

CREATE INDEX dutiful_alert_at ON dutiful_alert (kind, at);
