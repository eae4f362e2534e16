-- A queue may be paused by a copy rather than by a person.
ALTER TABLE dutiful_queue ADD COLUMN shut INTEGER NOT NULL DEFAULT 0;
