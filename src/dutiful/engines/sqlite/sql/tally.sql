-- Counts jobs that were enqueued, pruned and purged, whether they are still there or not.

-- name: tally
-- How many jobs were enqueued, pruned and purged, ever.
SELECT name, count FROM dutiful_tally

-- name: tally_add
UPDATE dutiful_tally SET count = count + ? WHERE name = ?
