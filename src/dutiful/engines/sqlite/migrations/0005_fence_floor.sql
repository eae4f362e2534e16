-- The highest fence of all deleted jobs. It begins with the seconds since 2026, as core/fence.py
-- says: above what older releases handed out.
CREATE TABLE dutiful_fence (floor INTEGER NOT NULL);

INSERT INTO dutiful_fence (floor)
VALUES (max(1000000, min(1000000000, CAST(strftime('%s', 'now') AS INTEGER) - 1767225600)));
