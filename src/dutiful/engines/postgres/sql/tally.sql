-- Counts jobs that were enqueued, pruned and purged, whether they are still there or not.

-- name: tally
-- How many jobs were enqueued, pruned and purged, ever.
SELECT name, sum(count)::bigint FROM {schema}.tally GROUP BY name

-- name: tally_add
INSERT INTO {schema}.tally (name, count) VALUES ($1, $2)

-- name: tally_fold
-- Each statement adds a row, so that none waits for another; this replaces many rows by their sums.
WITH folded AS (
  DELETE FROM {schema}.tally WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM {schema}.tally LIMIT $1 FOR UPDATE SKIP LOCKED
  )) RETURNING name, count
)
INSERT INTO {schema}.tally (name, count) SELECT name, sum(count) FROM folded GROUP BY name
