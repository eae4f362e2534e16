-- Deletes jobs with all that belongs to them.

-- name: purge
-- Those that have ended, or with $2 in any state. The sum keeps the planner from the index of ended
-- jobs, which may be long.
WITH gone AS (
  DELETE FROM {schema}.job WHERE id = ANY (ARRAY(
    SELECT id FROM {schema}.job
    WHERE id = ANY ($1::text[]) AND ($2::boolean OR state + 0 >= 4)
    ORDER BY id FOR UPDATE
  )) RETURNING seq, id, fence
), failures AS (
  DELETE FROM {schema}.failure USING gone
  WHERE failure.seq = gone.seq AND failure.job_id IN (gone.id, '')
), steps AS (
  DELETE FROM {schema}.step USING gone
  WHERE step.seq = gone.seq AND step.job_id IN (gone.id, '')
), logs AS (
  DELETE FROM {schema}.job_log AS log USING gone
  WHERE log.seq = gone.seq AND log.job_id = gone.id
), raised AS (
  UPDATE {schema}.fence SET floor = top
  FROM (SELECT max(fence) AS top FROM gone WHERE fence < 2000000000) AS deleted
  WHERE floor < top
), tallied AS (
  INSERT INTO {schema}.tally (name, count)
  SELECT 'purged', count(*) FROM gone HAVING count(*) > 0
)
SELECT id FROM gone

-- name: prunable
-- Whether there are jobs to prune, and more than $4 rows of the tally to fold.
SELECT
  EXISTS (
    SELECT FROM {schema}.job
    WHERE state >= 4 AND state = $1 AND finished_at < coalesce($3::bigint, {now}) - $2::bigint
  ),
  (SELECT count(*) FROM (SELECT FROM {schema}.tally LIMIT $4::bigint + 1) AS found) > $4

-- name: prune
-- Deletes jobs of one state that ended long ago, in batches of $3 from the time $5 on.
WITH gone AS (
  DELETE FROM {schema}.job WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM {schema}.job
    WHERE state >= 4 AND state = $1 AND finished_at < coalesce($4::bigint, {now}) - $2::bigint
      AND finished_at >= coalesce($5::bigint, 0)
    ORDER BY finished_at LIMIT $3 FOR UPDATE SKIP LOCKED
  )) RETURNING seq, id, finished_at, fence
), failures AS (
  DELETE FROM {schema}.failure USING gone
  WHERE failure.seq = gone.seq AND failure.job_id IN (gone.id, '')
), steps AS (
  DELETE FROM {schema}.step USING gone
  WHERE step.seq = gone.seq AND step.job_id IN (gone.id, '')
), logs AS (
  DELETE FROM {schema}.job_log AS log USING gone
  WHERE log.seq = gone.seq AND log.job_id = gone.id
), raised AS (
  UPDATE {schema}.fence SET floor = top
  FROM (SELECT max(fence) AS top FROM gone WHERE fence < 2000000000) AS deleted
  WHERE floor < top
), tallied AS (
  INSERT INTO {schema}.tally (name, count)
  SELECT 'pruned', count(*) FROM gone HAVING count(*) > 0
)
SELECT count(*), max(finished_at) FROM gone
