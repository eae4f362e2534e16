-- The highest fence of all deleted jobs. It begins with the seconds since 2026, as core/fence.py
-- says: above what older releases handed out.
CREATE TABLE {schema}.fence (floor integer NOT NULL) WITH (fillfactor = 50);

INSERT INTO {schema}.fence (floor)
VALUES (greatest(1000000, least(1000000000, extract(epoch FROM now())::bigint - 1767225600)));
