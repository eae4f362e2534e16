-- Records the results of steps and loads them for the next attempt.

-- name: step_add
-- Records a step, once, while the claim is valid; a job that is locked elsewhere raises an error.
WITH added AS (
  INSERT INTO {schema}.step (seq, job_id, place, name, result)
  SELECT seq, id, steps, $3, $4 FROM {schema}.job
  WHERE id = $1 AND fence = $2 AND state + 0 = 2
  FOR UPDATE NOWAIT
  ON CONFLICT DO NOTHING
  RETURNING seq
)
UPDATE {schema}.job SET steps = steps + 1 WHERE id = $1 AND EXISTS (SELECT FROM added)

-- name: steps
-- The steps of one job for those who inspect it.
SELECT step.name, step.result FROM {schema}.job JOIN {schema}.step
  ON step.seq = job.seq AND step.job_id IN (job.id, '')
WHERE job.id = $1 ORDER BY place

-- name: steps_of
-- The steps that earlier attempts recorded, in their order.
SELECT job.id, step.name, step.result
FROM {schema}.job AS job JOIN {schema}.step AS step
  ON step.seq = job.seq AND step.job_id IN (job.id, '')
WHERE job.id = ANY ($1::text[]) ORDER BY job.id, step.place

-- name: steps_drop
-- For a job that the transaction has locked.
WITH dropped AS (
  DELETE FROM {schema}.step USING {schema}.job
  WHERE job.id = $1 AND step.seq = job.seq AND step.job_id IN (job.id, '')
)
UPDATE {schema}.job SET steps = 0 WHERE id = $1
