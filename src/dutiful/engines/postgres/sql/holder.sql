SELECT id, state FROM {schema}.job
WHERE unique_key IS NOT NULL
  AND (unique_states OPERATOR(pg_catalog.>>) state) OPERATOR(pg_catalog.&) 1 = 1
  AND unique_key = CASE WHEN $2::bigint IS NULL THEN $1::text
    ELSE $1::text || E'\x1f' || $2::bigint::text || ':'
      || (coalesce($3::bigint, {now}) / $2::bigint)::text END
