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
), raised AS (
  UPDATE {schema}.fence SET floor = top
  FROM (SELECT max(fence) AS top FROM gone WHERE fence < 2000000000) AS deleted
  WHERE floor < top
), tallied AS (
  INSERT INTO {schema}.tally (name, count)
  SELECT 'purged', count(*) FROM gone HAVING count(*) > 0
)
SELECT id FROM gone
