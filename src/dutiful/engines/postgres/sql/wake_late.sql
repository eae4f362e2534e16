-- A row that counts nothing has the trigger look for sleepers at the commit.
INSERT INTO {schema}.tally (name, count, queues) VALUES ('enqueued', 0, ARRAY[$1::text])
