-- Keeps alerts as rows with versions, and finds what only their rules ask for.

-- name: alert_turn
-- Takes the turn, unless it was taken lately; one that lies in the future does not count. Most
-- callers get no row, and for them nothing is locked.
INSERT INTO {schema}.alert (kind, key, version, at, body)
SELECT 0, $1, 1, now, '' FROM (SELECT coalesce($3::bigint, {now}) AS now) AS clock
WHERE NOT EXISTS (
  SELECT FROM {schema}.alert WHERE kind = 0 AND key = $1 AND at > clock.now - $2 AND at <= clock.now
)
ON CONFLICT (kind, key) DO UPDATE SET at = excluded.at
WHERE alert.at <= excluded.at - $2 OR alert.at > excluded.at
RETURNING at

-- name: alert_entries
-- The time stands in a row of its own, which comes last.
(
  SELECT kind, key, version, at, body FROM {schema}.alert
  WHERE kind = ANY ($1::smallint[]) ORDER BY at DESC, kind, key LIMIT $2
)
UNION ALL
SELECT NULL, NULL, NULL, coalesce($3::bigint, {now}), NULL

-- name: alert_lock
-- Locks rows that are to be changed, and returns their versions.
SELECT alert.kind, alert.key, version FROM {schema}.alert
JOIN unnest($1::smallint[], $2::text[]) AS wanted (kind, key)
  ON alert.kind = wanted.kind AND alert.key = wanted.key
ORDER BY 1, 2 FOR UPDATE OF alert

-- name: alert_put
-- Writes rows that were locked, and new ones; a new one that exists meanwhile is left out.
INSERT INTO {schema}.alert (kind, key, version, at, body)
SELECT kind, key, version, at, body
FROM unnest($1::smallint[], $2::text[], $3::bigint[], $4::bigint[], $5::text[])
  AS given (kind, key, version, at, body)
ORDER BY kind, key
ON CONFLICT (kind, key) DO UPDATE SET
  version = excluded.version, at = excluded.at, body = excluded.body
WHERE (alert.kind, alert.key) IN (SELECT * FROM unnest($6::smallint[], $7::text[]))

-- name: alert_drop
DELETE FROM {schema}.alert
WHERE (kind, key) IN (SELECT * FROM unnest($1::smallint[], $2::text[]))

-- name: alert_forget
DELETE FROM {schema}.alert WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM {schema}.alert WHERE kind = $1 AND at < $2
  ORDER BY at LIMIT $3 FOR UPDATE SKIP LOCKED
))

-- name: running_longest
-- The jobs that have run longest, without their arguments.
SELECT id, task, queue, worker, started_at FROM {schema}.job
WHERE state = 2 ORDER BY started_at, seq LIMIT $1

-- name: end_oldest
-- When the job of a final state that ended first ended.
SELECT finished_at FROM {schema}.job
WHERE state >= 4 AND state = $1 AND finished_at > 0 ORDER BY finished_at LIMIT 1
