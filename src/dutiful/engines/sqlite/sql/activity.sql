-- Keeps counts of what happened, by minute and by hour.

-- name: activity_add
-- Adds to a row, or makes it.
INSERT INTO dutiful_activity (
  span, at, kind, queue, name, succeeded, failed, dead, rescued, expired, unknown, late,
  missed, lost, runs, run_sum, run_max, error
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (span, at, kind, queue, name) DO UPDATE SET
  succeeded = succeeded + excluded.succeeded,
  failed = failed + excluded.failed,
  dead = dead + excluded.dead,
  rescued = rescued + excluded.rescued,
  expired = expired + excluded.expired,
  unknown = unknown + excluded.unknown,
  late = late + excluded.late,
  missed = missed + excluded.missed,
  lost = lost + excluded.lost,
  runs = runs + excluded.runs,
  run_sum = run_sum + excluded.run_sum,
  run_max = max(run_max, excluded.run_max),
  error = CASE WHEN excluded.error <> '' THEN excluded.error ELSE error END

-- name: activity_read
SELECT
  span, at, kind, queue, name, succeeded, failed, dead, rescued, expired, unknown, late,
  missed, lost, runs, run_sum, run_max, error
FROM dutiful_activity WHERE span = ? AND at >= ?
ORDER BY at DESC, kind, queue, name LIMIT ?

-- name: activity_totals
-- By task. A count that another program wrote may be anything, and must not overflow.
SELECT
  name, min(at),
  sum(min(max(CAST(succeeded AS INTEGER), 0), 1 << 40)),
  sum(min(max(CAST(failed AS INTEGER), 0), 1 << 40)),
  sum(min(max(CAST(dead AS INTEGER), 0), 1 << 40)),
  sum(min(max(CAST(rescued AS INTEGER), 0), 1 << 40)),
  sum(min(max(CAST(expired AS INTEGER), 0), 1 << 40)),
  sum(min(max(CAST(unknown AS INTEGER), 0), 1 << 40)),
  sum(min(max(CAST(late AS INTEGER), 0), 1 << 40)),
  sum(min(max(CAST(missed AS INTEGER), 0), 1 << 40)),
  sum(min(max(CAST(lost AS INTEGER), 0), 1 << 40)),
  sum(min(max(CAST(runs AS INTEGER), 0), 1 << 40)),
  sum(min(max(CAST(run_sum AS INTEGER), 0), 1 << 50)), max(CAST(run_max AS INTEGER))
FROM dutiful_activity WHERE span = ? AND at >= ? AND kind = 'task'
GROUP BY name ORDER BY sum(min(max(CAST(runs AS INTEGER), 0), 1 << 40)) DESC, name LIMIT ?

-- name: activity_old
SELECT span, at, kind, queue, name FROM dutiful_activity
WHERE span = ? AND at < ? ORDER BY at LIMIT ?

-- name: activity_drop
DELETE FROM dutiful_activity
WHERE span = ? AND at = ? AND kind = ? AND queue = ? AND name = ?
