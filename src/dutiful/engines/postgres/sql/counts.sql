SELECT queue, 1, count(*), min(run_at) FROM {schema}.job WHERE state = 1 GROUP BY queue
UNION ALL
SELECT queue, state, count(*), NULL FROM {schema}.job WHERE state IN (0, 3) GROUP BY queue, state
UNION ALL
SELECT queue, 2, count(*), NULL FROM {schema}.job WHERE state = 2 GROUP BY queue
UNION ALL
SELECT queue, state, count(*), NULL FROM {schema}.job WHERE state >= 4 GROUP BY queue, state
