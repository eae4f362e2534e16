-- What a job that waits would run; the row is locked until the transaction ends.
SELECT task, args, meta FROM {schema}.job
WHERE id = $1 AND state + 0 IN (0, 1, 3) FOR UPDATE
