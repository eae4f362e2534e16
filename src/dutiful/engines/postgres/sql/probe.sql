SELECT count(*) FROM (SELECT 1 FROM {schema}.job WHERE {conditions} LIMIT $1) AS found
