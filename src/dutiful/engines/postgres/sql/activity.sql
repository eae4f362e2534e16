-- Keeps counts of what happened, by minute and by hour.

-- name: activity_add
-- Adds to rows, or makes them. All sessions lock the rows in one order.
INSERT INTO {schema}.activity (
  span, at, kind, queue, name, succeeded, failed, dead, rescued, expired, unknown, late,
  missed, lost, runs, run_sum, run_max, error
)
SELECT * FROM unnest(
  $1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
  $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
  $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::text[]
) AS given (
  span, at, kind, queue, name, succeeded, failed, dead, rescued, expired, unknown, late,
  missed, lost, runs, run_sum, run_max, error
)
ORDER BY span, at, kind, queue, name
ON CONFLICT (span, at, kind, queue, name) DO UPDATE SET
  succeeded = least(activity.succeeded, 1::bigint << 61) + excluded.succeeded,
  failed = least(activity.failed, 1::bigint << 61) + excluded.failed,
  dead = least(activity.dead, 1::bigint << 61) + excluded.dead,
  rescued = least(activity.rescued, 1::bigint << 61) + excluded.rescued,
  expired = least(activity.expired, 1::bigint << 61) + excluded.expired,
  unknown = least(activity.unknown, 1::bigint << 61) + excluded.unknown,
  late = least(activity.late, 1::bigint << 61) + excluded.late,
  missed = least(activity.missed, 1::bigint << 61) + excluded.missed,
  lost = least(activity.lost, 1::bigint << 61) + excluded.lost,
  runs = least(activity.runs, 1::bigint << 61) + excluded.runs,
  run_sum = least(activity.run_sum, 1::bigint << 61) + excluded.run_sum,
  run_max = greatest(activity.run_max, excluded.run_max),
  error = CASE WHEN excluded.error <> '' THEN excluded.error ELSE activity.error END

-- name: activity_read
SELECT
  span, at, kind, queue, name, succeeded, failed, dead, rescued, expired, unknown, late,
  missed, lost, runs, run_sum, run_max, error
FROM {schema}.activity WHERE span = $1 AND at >= $2
ORDER BY at DESC, kind, queue, name LIMIT $3

-- name: activity_totals
-- By task. A count that another program wrote may be anything, and must not overflow.
SELECT
  name, min(at),
  sum(least(greatest(succeeded, 0), 1::bigint << 40))::bigint,
  sum(least(greatest(failed, 0), 1::bigint << 40))::bigint,
  sum(least(greatest(dead, 0), 1::bigint << 40))::bigint,
  sum(least(greatest(rescued, 0), 1::bigint << 40))::bigint,
  sum(least(greatest(expired, 0), 1::bigint << 40))::bigint,
  sum(least(greatest(unknown, 0), 1::bigint << 40))::bigint,
  sum(least(greatest(late, 0), 1::bigint << 40))::bigint,
  sum(least(greatest(missed, 0), 1::bigint << 40))::bigint,
  sum(least(greatest(lost, 0), 1::bigint << 40))::bigint,
  sum(least(greatest(runs, 0), 1::bigint << 40))::bigint,
  sum(least(greatest(run_sum, 0), 1::bigint << 50))::bigint, max(run_max)
FROM {schema}.activity WHERE span = $1 AND at >= $2 AND kind = 'task'
GROUP BY name ORDER BY sum(least(greatest(runs, 0), 1::bigint << 40)) DESC, name LIMIT $3

-- name: activity_forget
DELETE FROM {schema}.activity WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM {schema}.activity WHERE span = $1 AND at < $2
  ORDER BY at LIMIT $3 FOR UPDATE SKIP LOCKED
))
