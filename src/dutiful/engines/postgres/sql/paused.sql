SELECT name, paused_at FROM {schema}.queue
