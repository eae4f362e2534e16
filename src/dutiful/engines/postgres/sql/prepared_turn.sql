-- One process watches for all; it holds this lock until its session ends.
SELECT pg_try_advisory_lock(hashtextextended('dutiful prepared ' || $1::text, 0::bigint))
