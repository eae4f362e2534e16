-- Letters of single-byte encodings whose bytes are 7F to 9F are letters, not control characters:
-- those are looked for in UTF-8, where they are the same in every encoding. And an id that the
-- function has made is not looked up: in a serializable transaction to read where the newest ids
-- are is a conflict with everybody who enqueues. A unique key may not hold what separates it from
-- the number of its period, as in Python: it would be taken for another rule's key. A row that a
-- trigger passes over, by returning NULL, is an error: the function tried for ever to store it.
-- All else is as it was.
--
-- For psql, triggers and other languages: the rules of Python's enqueue, in the caller's own
-- transaction. Arguments are an object by the names of the task's parameters.
CREATE OR REPLACE FUNCTION {schema}.enqueue(
  task text,
  args jsonb DEFAULT '{}',
  queue text DEFAULT 'default',
  delay interval DEFAULT NULL,
  run_at timestamptz DEFAULT NULL,
  priority integer DEFAULT 0,
  max_attempts integer DEFAULT 20,
  unique_key text DEFAULT NULL,
  expires_in interval DEFAULT NULL,
  tags text[] DEFAULT NULL,
  meta jsonb DEFAULT NULL,
  id text DEFAULT NULL
) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  now bigint := {now};
  due bigint := now;
  -- Of UTF-8 written in ASCII: C2 80 to C2 9F, and E2 80 A8 and A9, which are U+2028 and U+2029.
  control text := E'[\\x01-\\x1f\\x7f]|\\\\302\\\\2[0-3]|\\\\342\\\\200\\\\25[01]';
  body bytea := convert_to(enqueue.args::text, 'UTF8');
  wrong text;
  chosen text := enqueue.id;
  holder text;
  stamp bytea;
BEGIN
  wrong := CASE
    WHEN coalesce(enqueue.task, '') = '' THEN 'task is empty; give the name of a task'
    WHEN length(enqueue.task) > 200
        OR encode(convert_to(enqueue.task, 'UTF8'), 'escape') ~ control
      THEN 'task must be text of one line, of at most 200 characters'
    WHEN length(enqueue.id) NOT BETWEEN 1 AND 200
        OR encode(convert_to(enqueue.id, 'UTF8'), 'escape') ~ control
      THEN 'id must be text of one line, of 1 to 200 characters'
    WHEN jsonb_typeof(enqueue.args) IS DISTINCT FROM 'object'
      THEN 'args must be an object, such as {"order_id": 42}'
    WHEN octet_length(body) > 262144
      THEN format('args take %s bytes, over the limit of 262144', octet_length(body))
    WHEN jsonb_path_exists(enqueue.args, 'strict $.**{65}')
      THEN 'args are nested deeper than 64 levels'
    WHEN jsonb_path_exists(enqueue.args, 'strict $.** ? (@.type() == "number"
        && (@ > 18446744073709551615 || @ < -9223372036854775808))')
      THEN 'args hold a number that does not fit in 64 bits; give it as a string'
    WHEN enqueue.queue IS NULL OR enqueue.queue !~ '^[A-Za-z0-9_.-]{1,100}$'
      THEN format(
        'queue %s; use 1 to 100 letters, digits, "_", "." or "-"', left(enqueue.queue, 80)
      )
    WHEN enqueue.priority IS NULL OR enqueue.priority NOT BETWEEN -100 AND 100
      THEN format('priority %s; use -100 to 100, higher first', enqueue.priority)
    WHEN enqueue.max_attempts IS NULL OR enqueue.max_attempts < 1
      THEN format('max_attempts %s; a job needs at least one', enqueue.max_attempts)
    WHEN enqueue.delay IS NOT NULL AND enqueue.run_at IS NOT NULL
      THEN 'give delay or run_at, not both'
    WHEN enqueue.delay < interval '0' OR enqueue.expires_in < interval '0'
      THEN 'delay and expires_in may not be negative'
    -- First roughly, for a longer one would leave the range of time itself.
    WHEN enqueue.delay > interval '110 years' OR enqueue.expires_in > interval '110 years'
        OR statement_timestamp() + enqueue.delay > statement_timestamp() + interval '36600 days'
        OR extract(epoch FROM enqueue.expires_in) > 36600 * 86400.0
      THEN 'delay and expires_in may not be longer than a century'
    WHEN enqueue.run_at < timestamptz '1000-01-01 00:00:00+00'
        OR enqueue.run_at >= timestamptz '9000-01-01 00:00:00+00'
      THEN format('run_at %s; give a time in the years 1000 to 8999', enqueue.run_at)
    WHEN octet_length(convert_to(enqueue.unique_key, 'UTF8')) NOT BETWEEN 1 AND 2000
      THEN 'unique_key must have 1 to 2000 bytes; leave it out, give a shorter one or its hash'
    WHEN strpos(enqueue.unique_key, chr(31)) > 0
      THEN 'unique_key holds the character 1F, which separates periods'
    WHEN array_ndims(enqueue.tags) > 1 OR cardinality(enqueue.tags) > 100
      THEN 'tags must be a list of at most 100 texts'
    WHEN EXISTS (
        SELECT FROM unnest(enqueue.tags) AS tag
        WHERE tag IS NULL OR length(tag) NOT BETWEEN 1 AND 200
          OR encode(convert_to(tag, 'UTF8'), 'escape') ~ control
      ) THEN 'each tag must be text of one line, of 1 to 200 characters'
    WHEN jsonb_typeof(enqueue.meta) <> 'object' THEN 'meta must be an object of strings'
    WHEN EXISTS (
        SELECT FROM jsonb_each(enqueue.meta) WHERE jsonb_typeof(value) <> 'string'
      ) THEN 'meta must be an object of strings'
    WHEN octet_length(convert_to(enqueue.meta::text, 'UTF8')) > 65536
      THEN 'meta takes more than 65536 bytes'
  END;
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION '%', wrong USING ERRCODE = '22023';
  END IF;
  IF enqueue.run_at IS NOT NULL THEN
    due := (extract(epoch FROM enqueue.run_at) * 1000000)::bigint;
  ELSIF enqueue.delay IS NOT NULL THEN
    due := (extract(epoch FROM statement_timestamp() + enqueue.delay) * 1000000)::bigint;
  END IF;
  IF chosen IS NULL THEN  -- a UUID of version 7, as the clients make them (RFC 9562)
    stamp := substring(int8send(now / 1000) FROM 3)
      || substring(uuid_send(gen_random_uuid()) FROM 7);
    stamp := set_byte(stamp, 6, (get_byte(stamp, 6) & 15) | 112);
    chosen := encode(stamp, 'hex')::uuid::text;
  END IF;
  FOR turn IN 1..20 LOOP
    INSERT INTO {schema}.job (
      id, task, queue, state, priority, args, max_attempts, enqueued_at, run_at, expires_at,
      unique_key, unique_states, tags, meta
    ) VALUES (
      chosen, enqueue.task, enqueue.queue, CASE WHEN due > now THEN 0 ELSE 1 END,
      enqueue.priority, body, enqueue.max_attempts, now, due,
      greatest(due, now) + (extract(epoch FROM enqueue.expires_in) * 1000000)::bigint,
      enqueue.unique_key, CASE WHEN enqueue.unique_key IS NULL THEN 0 ELSE 15 END,
      array_to_json(nullif(enqueue.tags, '{}'))::text, nullif(enqueue.meta, '{}')::text
    ) ON CONFLICT DO NOTHING;
    IF FOUND THEN
      INSERT INTO {schema}.tally (name, count, queues)
      VALUES ('enqueued', 1, CASE WHEN due <= now THEN ARRAY[enqueue.queue] END);
      RETURN chosen;
    END IF;
    IF enqueue.id IS NOT NULL OR enqueue.unique_key IS NULL THEN
      SELECT job.id INTO holder FROM {schema}.job AS job WHERE job.id = chosen;
      IF FOUND THEN
        RETURN holder;
      END IF;
    END IF;
    SELECT job.id INTO holder FROM {schema}.job AS job
    WHERE job.unique_key IS NOT NULL AND (job.unique_states >> job.state) & 1 = 1
      AND job.unique_key = enqueue.unique_key;
    IF FOUND THEN
      RETURN holder;
    END IF;  -- the holder ended between the two statements, so the key is free
  END LOOP;
  RAISE EXCEPTION 'the row was not stored: a trigger refused it' USING ERRCODE = '09000',
    HINT = 'A trigger before insertions into the table job returns NULL; let it return NEW.';
END
$$;
