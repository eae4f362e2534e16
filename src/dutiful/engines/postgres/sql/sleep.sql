INSERT INTO {schema}.sleeper (id, queues) VALUES ($1, $2::text[])
ON CONFLICT (id) DO UPDATE SET queues = excluded.queues
