SELECT coalesce(max(floor), 0) FROM {schema}.fence
