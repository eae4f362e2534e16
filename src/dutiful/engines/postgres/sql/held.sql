SELECT id FROM {schema}.job WHERE id = $1 AND fence = $2 AND state + 0 = 2 FOR UPDATE
