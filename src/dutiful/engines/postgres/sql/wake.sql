-- Where the transaction keeps an old snapshot it cannot know whether somebody sleeps.
SELECT {schema}.wake($1::text[], $2::bigint)::text
WHERE CASE
  WHEN current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN true
  ELSE EXISTS (SELECT FROM {schema}.sleeper) END
