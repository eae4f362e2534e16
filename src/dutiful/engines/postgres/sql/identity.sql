SELECT coalesce(max(store), '') FROM {schema}.fence
