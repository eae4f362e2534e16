INSERT INTO {schema}.sleeper (id, queues, lock) VALUES ($1, $2::text[], $3)
ON CONFLICT (id) DO UPDATE SET queues = excluded.queues
RETURNING (SELECT count(*) FROM {schema}.sleeper)
