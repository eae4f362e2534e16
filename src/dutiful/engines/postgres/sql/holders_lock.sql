-- Lock the jobs that hold one of several keys and have not started, in the order in which every
-- statement locks jobs.
SELECT id FROM {schema}.job
WHERE unique_key IS NOT NULL
  AND (unique_states OPERATOR(pg_catalog.>>) state) OPERATOR(pg_catalog.&) 1 = 1
  AND state + 0 IN (0, 1, 3)
  AND unique_key = ANY (ARRAY(
    SELECT CASE WHEN period IS NULL THEN key
      ELSE key || E'\x1f' || period::text || ':'
        || (coalesce($3::bigint, {now}) / period)::text END
    FROM unnest($1::text[], $2::bigint[]) AS given (key, period)
  ))
ORDER BY id FOR UPDATE
