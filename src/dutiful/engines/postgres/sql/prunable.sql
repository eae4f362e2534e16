-- Whether there are jobs to prune, and more than $4 rows of the tally to fold.
SELECT
  EXISTS (
    SELECT FROM {schema}.job
    WHERE state >= 4 AND state = $1 AND finished_at < coalesce($3::bigint, {now}) - $2::bigint
  ),
  (SELECT count(*) FROM (SELECT FROM {schema}.tally LIMIT $4::bigint + 1) AS found) > $4
