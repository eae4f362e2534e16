SELECT EXISTS (SELECT FROM {schema}.job WHERE state = 1 AND queue = $1)
