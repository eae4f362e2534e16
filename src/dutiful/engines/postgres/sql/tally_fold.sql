WITH folded AS (
  DELETE FROM {schema}.tally WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM {schema}.tally LIMIT $1 FOR UPDATE SKIP LOCKED
  )) RETURNING name, count
)
INSERT INTO {schema}.tally (name, count) SELECT name, sum(count) FROM folded GROUP BY name
