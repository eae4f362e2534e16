WITH added AS (
  INSERT INTO {schema}.step (seq, job_id, place, name, result)
  SELECT seq, id, steps, $3, $4 FROM {schema}.job
  WHERE id = $1 AND fence = $2 AND state + 0 = 2
  FOR UPDATE NOWAIT
  ON CONFLICT DO NOTHING
  RETURNING seq
)
UPDATE {schema}.job SET steps = steps + 1 WHERE id = $1 AND EXISTS (SELECT FROM added)
