-- By the catalogue's rows: a session that has looked before believes, as to_regclass does, what it
-- saw then, and a pooler gives us the sessions of others.
SELECT EXISTS (
  SELECT FROM pg_class AS class JOIN pg_namespace AS space ON space.oid = class.relnamespace
  WHERE space.nspname = $1 AND class.relname = 'migration'
)
