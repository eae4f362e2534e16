-- A queue may be paused by a copy rather than by a person.
ALTER TABLE {schema}.queue ADD COLUMN shut boolean NOT NULL DEFAULT false;
