DELETE FROM {schema}.sleeper WHERE id = $1
