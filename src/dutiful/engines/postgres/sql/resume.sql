DELETE FROM {schema}.queue WHERE name = $1
