-- Stores at the other end of a copy, by their ids: a queue is shut for each of them, a schedule for
-- one. An older release writes none; what it has shut, any copy may open.
ALTER TABLE dutiful_queue ADD COLUMN shut_for TEXT;
ALTER TABLE dutiful_schedule ADD COLUMN shut_for TEXT;

-- The id of this store, beside the only other value of which a store has one.
ALTER TABLE dutiful_fence ADD COLUMN store TEXT;
UPDATE dutiful_fence SET store = lower(hex(randomblob(16)));
