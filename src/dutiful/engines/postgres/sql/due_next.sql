-- When the first job behind those that are due becomes due itself.
SELECT run_at FROM {schema}.job
WHERE state IN (0, 3) AND queue = $1 AND run_at > $2::bigint ORDER BY run_at LIMIT 1
