-- What came before a held occurrence, for its rule may change while it is held. An older release
-- writes nothing here: it works that out by the newest rule.
ALTER TABLE {schema}.schedule ADD COLUMN held_previous_at bigint;
