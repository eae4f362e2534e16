INSERT INTO {schema}.tally (name, count) VALUES ($1, $2)
