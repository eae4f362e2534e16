SELECT count(*) > $1 FROM (SELECT FROM {schema}.tally LIMIT $1 + 1) AS found
