-- What is due, then what waits for a job to end; and the time, and when the next is due,
-- which need a row to stand in when nothing is asked for.
SELECT clock.now, (
    SELECT due_at FROM {schema}.schedule WHERE due_at > clock.now ORDER BY due_at LIMIT 1
  ) - clock.now,
  name, spec, app, exclusive, version, number, created_at, changed_at, last_at, next_at, held_at,
  held_previous_at, since, paused_at, retired_at, broken, retry_at
FROM (SELECT coalesce($2::bigint, {now}) AS now) AS clock
LEFT JOIN LATERAL (
  (
    SELECT *, 0 AS part, due_at AS place FROM {schema}.schedule
    WHERE due_at <= clock.now ORDER BY due_at, name LIMIT $1
  ) UNION ALL (
    SELECT *, 1 AS part, held_at AS place FROM {schema}.schedule
    WHERE held_at IS NOT NULL AND paused_at IS NULL AND retired_at IS NULL
      AND coalesce(retry_at, 0) <= clock.now AND coalesce(due_at, clock.now + 1) > clock.now
    ORDER BY held_at, name LIMIT $1
  )
) AS found ON true
ORDER BY part, place, name LIMIT greatest($1, 1)
