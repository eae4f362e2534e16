-- For a job that the transaction has locked.
WITH dropped AS (
  DELETE FROM {schema}.step WHERE seq IN (SELECT seq FROM {schema}.job WHERE id = $1)
)
UPDATE {schema}.job SET steps = 0 WHERE id = $1
