SELECT seq FROM {schema}.job WHERE seq = $1 AND fence = $2 AND state + 0 = 2 FOR UPDATE
