-- Stores at the other end of a copy, by their ids: a queue is shut for each of them, a schedule for
-- one. An older release writes none; what it has shut, any copy may open.
ALTER TABLE {schema}.queue ADD COLUMN shut_for text[];
ALTER TABLE {schema}.schedule ADD COLUMN shut_for text;

-- The id of this store, beside the only other value of which a store has one.
ALTER TABLE {schema}.fence ADD COLUMN store text;
UPDATE {schema}.fence SET store = replace(gen_random_uuid()::text, '-', '');
