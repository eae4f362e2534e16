-- Counts of what happened, by minute and by hour, to which every worker adds.
CREATE TABLE {schema}.activity (
  span bigint NOT NULL,
  at bigint NOT NULL,
  kind text COLLATE "C" NOT NULL,
  queue text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  succeeded bigint NOT NULL DEFAULT 0,
  failed bigint NOT NULL DEFAULT 0,
  dead bigint NOT NULL DEFAULT 0,
  rescued bigint NOT NULL DEFAULT 0,
  expired bigint NOT NULL DEFAULT 0,
  unknown bigint NOT NULL DEFAULT 0,
  late bigint NOT NULL DEFAULT 0,
  missed bigint NOT NULL DEFAULT 0,
  lost bigint NOT NULL DEFAULT 0,
  runs bigint NOT NULL DEFAULT 0,
  run_sum bigint NOT NULL DEFAULT 0,
  run_max bigint NOT NULL DEFAULT 0,
  error text NOT NULL DEFAULT '',
  PRIMARY KEY (span, at, kind, queue, name)
) WITH (fillfactor = 70);

-- Alerts, messages about them, silences, and when a process last evaluated the rules: see
-- `contract/roles/alert_store.py`. The body is JSON.
CREATE TABLE {schema}.alert (
  kind smallint NOT NULL,
  key text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  at bigint NOT NULL,
  body text NOT NULL,
  PRIMARY KEY (kind, key)
) WITH (fillfactor = 50);

CREATE INDEX alert_at ON {schema}.alert (kind, at);

ALTER TABLE {schema}.activity SET (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000
);
ALTER TABLE {schema}.alert SET (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200
);
