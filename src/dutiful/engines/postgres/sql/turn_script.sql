DO $$ BEGIN
  IF NOT pg_try_advisory_lock(hashtextextended({channel}::text, 0::bigint)) THEN
    RAISE EXCEPTION 'another session migrates this schema; wait until it is done';
  END IF;
END $$
