WITH clock AS (SELECT coalesce($1::bigint, {now}) AS now)
SELECT queue, 1, count(*), min(run_at), 0 FROM {schema}.job WHERE state = 1 GROUP BY queue
UNION ALL
SELECT
  queue, state, count(*),
  min(run_at) FILTER (WHERE run_at <= (SELECT now FROM clock)),
  count(*) FILTER (WHERE run_at <= (SELECT now FROM clock))
FROM {schema}.job WHERE state IN (0, 3) GROUP BY queue, state
UNION ALL
SELECT queue, 2, count(*), NULL, 0 FROM {schema}.job WHERE state = 2 GROUP BY queue
UNION ALL
SELECT queue, state, count(*), NULL, 0 FROM {schema}.job WHERE state >= 4 GROUP BY queue, state
