WITH gone AS (
  DELETE FROM {schema}.job WHERE id = ANY ($1::text[]) RETURNING seq, id
), failures AS (
  DELETE FROM {schema}.failure WHERE seq IN (SELECT seq FROM gone)
), steps AS (
  DELETE FROM {schema}.step WHERE seq IN (SELECT seq FROM gone)
), tallied AS (
  INSERT INTO {schema}.tally (name, count)
  SELECT 'purged', count(*) FROM gone HAVING count(*) > 0
)
SELECT id FROM gone
