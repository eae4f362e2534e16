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
), raised AS (
  UPDATE {schema}.fence SET floor = top
  FROM (SELECT max(fence) AS top FROM gone WHERE fence < 2000000000) AS deleted
  WHERE floor < top
), tallied AS (
  INSERT INTO {schema}.tally (name, count)
  SELECT 'pruned', count(*) FROM gone HAVING count(*) > 0
)
SELECT count(*), max(finished_at) FROM gone
