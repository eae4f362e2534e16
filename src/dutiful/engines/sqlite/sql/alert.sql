-- Keeps alerts as rows with versions, and finds what only their rules ask for.

-- name: alert_turn_last
-- Whether the turn was taken lately; one that lies in the future does not count.
SELECT 1 FROM dutiful_alert WHERE kind = 0 AND key = ? AND at > ? AND at <= ?

-- name: alert_turn
INSERT INTO dutiful_alert (kind, key, version, at, body) VALUES (0, ?, 1, ?, '')
ON CONFLICT (kind, key) DO UPDATE SET at = excluded.at

-- name: alert_entries
-- A version that is no whole number, which only another program writes, counts as 0.
SELECT
  kind, key, CASE typeof(version) WHEN 'integer' THEN version ELSE 0 END, at, body
FROM dutiful_alert
WHERE kind IN (SELECT value FROM json_each(?)) ORDER BY at DESC, kind, key LIMIT ?

-- name: alert_version
-- As `alert_entries` returns it.
SELECT CASE typeof(version) WHEN 'integer' THEN version ELSE 0 END FROM dutiful_alert
WHERE kind = ? AND key = ?

-- name: alert_put
INSERT INTO dutiful_alert (kind, key, version, at, body) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (kind, key) DO UPDATE SET
  version = excluded.version, at = excluded.at, body = excluded.body

-- name: alert_drop
DELETE FROM dutiful_alert WHERE kind = ? AND key = ?

-- name: alert_old
SELECT kind, key FROM dutiful_alert WHERE kind = ? AND at < ? ORDER BY at LIMIT ?

-- name: running_longest
-- The jobs that have run longest, without their arguments.
SELECT id, task, queue, worker, started_at FROM dutiful_job INDEXED BY dutiful_job_running
WHERE state = 2 ORDER BY started_at, seq LIMIT ?

-- name: end_oldest
-- When the job of a final state that ended first ended.
SELECT finished_at FROM dutiful_job INDEXED BY dutiful_job_final
WHERE state >= 4 AND state = ? AND finished_at > 0 ORDER BY finished_at LIMIT 1
