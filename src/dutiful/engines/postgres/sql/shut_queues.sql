SELECT name FROM {schema}.queue
WHERE shut AND ($1::text IS NULL OR shut_for IS NULL OR $1::text = ANY (shut_for)) ORDER BY name
