INSERT INTO {schema}.migration (number, name) VALUES ($1, $2)
