-- The views are for people. A row that another program wrote must not hide the others: a value that
-- cannot be cast is shown as its text.
CREATE FUNCTION {schema}.shown_json(raw bytea) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  said text;
BEGIN
  said := convert_from(raw, 'UTF8');
  RETURN said::jsonb;
EXCEPTION WHEN OTHERS THEN  -- it is no UTF-8, no JSON, or holds a NUL, which jsonb refuses
  RETURN to_jsonb(coalesce(said, encode(raw, 'escape')));
END
$$;

CREATE FUNCTION {schema}.shown_json(said text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN said::jsonb;
EXCEPTION WHEN OTHERS THEN
  RETURN to_jsonb(said);
END
$$;

-- Before 4713 BC, where a timestamp ends, an instant is infinitely far away.
CREATE FUNCTION {schema}.shown_time(instant bigint) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN instant < -210863520000000000 THEN '-infinity'::timestamptz
    ELSE pg_catalog.to_timestamp(instant::double precision / 1e6::double precision) END
$$;

-- One part for each state, so that the jobs of a state are found by its own index.
CREATE OR REPLACE VIEW {schema}.jobs AS
SELECT
  id, task, queue, word AS state, priority, attempt, max_attempts,
  {schema}.shown_json(args) AS args, {schema}.shown_json(result) AS result, reason, worker,
  unique_key, {schema}.shown_json(tags) AS tags, {schema}.shown_json(meta) AS meta,
  {schema}.shown_time(enqueued_at) AS enqueued_at, {schema}.shown_time(run_at) AS run_at,
  {schema}.shown_time(started_at) AS started_at, {schema}.shown_time(finished_at) AS finished_at
FROM (
  SELECT
    'scheduled' AS word, id, task, queue, priority, attempt, max_attempts, args, result, reason,
    worker, unique_key, tags, meta, enqueued_at, run_at, started_at, finished_at
  FROM {schema}.job WHERE state IN (0, 3) AND state = 0
  UNION ALL
  SELECT 'queued', id, task, queue, priority, attempt, max_attempts, args, result, reason,
    worker, unique_key, tags, meta, enqueued_at, run_at, started_at, finished_at
  FROM {schema}.job WHERE state = 1
  UNION ALL
  SELECT 'running', id, task, queue, priority, attempt, max_attempts, args, result, reason,
    worker, unique_key, tags, meta, enqueued_at, run_at, started_at, finished_at
  FROM {schema}.job WHERE state = 2
  UNION ALL
  SELECT 'waiting', id, task, queue, priority, attempt, max_attempts, args, result, reason,
    worker, unique_key, tags, meta, enqueued_at, run_at, started_at, finished_at
  FROM {schema}.job WHERE state IN (0, 3) AND state = 3
  UNION ALL
  SELECT 'succeeded', id, task, queue, priority, attempt, max_attempts, args, result, reason,
    worker, unique_key, tags, meta, enqueued_at, run_at, started_at, finished_at
  FROM {schema}.job WHERE state >= 4 AND state = 4
  UNION ALL
  SELECT 'dead', id, task, queue, priority, attempt, max_attempts, args, result, reason,
    worker, unique_key, tags, meta, enqueued_at, run_at, started_at, finished_at
  FROM {schema}.job WHERE state >= 5 AND state = 5
  UNION ALL
  SELECT 'cancelled', id, task, queue, priority, attempt, max_attempts, args, result, reason,
    worker, unique_key, tags, meta, enqueued_at, run_at, started_at, finished_at
  FROM {schema}.job WHERE state >= 5 AND state = 6
  UNION ALL
  SELECT 'unreadable', id, task, queue, priority, attempt, max_attempts, args, result, reason,
    worker, unique_key, tags, meta, enqueued_at, run_at, started_at, finished_at
  FROM {schema}.job WHERE state NOT BETWEEN 0 AND 6
) AS job;

CREATE OR REPLACE VIEW {schema}.schedules AS SELECT
  name, app, {schema}.shown_json(spec) ->> 'task' AS task,
  CASE WHEN retired_at IS NOT NULL THEN 'retired' WHEN paused_at IS NOT NULL THEN 'paused'
    WHEN broken IS NOT NULL THEN 'broken' WHEN next_at IS NULL THEN 'ended' ELSE 'active' END
    AS state,
  {schema}.shown_time(next_at) AS next_at, {schema}.shown_time(last_at) AS last_at,
  number AS occurrences, broken, {schema}.shown_json(spec) AS spec,
  {schema}.shown_time(created_at) AS created_at, {schema}.shown_time(changed_at) AS changed_at
FROM {schema}.schedule;

CREATE OR REPLACE VIEW {schema}.occurrences AS SELECT
  schedule, {schema}.shown_time(planned) AS planned, kind, why, job_id,
  {schema}.shown_time(recorded_at) AS recorded_at, backfilled, number
FROM {schema}.occurrence;
