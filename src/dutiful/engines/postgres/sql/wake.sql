-- For a part of a transaction: no row is taken. One with an old snapshot cannot know whether any
-- worker sleeps.
SELECT {schema}.wake($1::text[], $2::bigint)::text
WHERE CASE
  WHEN current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN true
  ELSE EXISTS (SELECT FROM {schema}.sleeper) END
