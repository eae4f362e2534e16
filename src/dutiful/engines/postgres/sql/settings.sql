-- Presets of a database or a role must not change what our statements mean or promise. What the
-- client itself set, in the URL or PGOPTIONS, stays, except for the search path. Unknown settings
-- belong to other versions.
SELECT pg_catalog.set_config(setting.name, wanted.value, false)
FROM unnest($1::text[], $2::text[]) AS wanted (name, value)
JOIN pg_catalog.pg_settings AS setting ON setting.name = wanted.name
WHERE (setting.source <> 'client' OR setting.name = 'search_path')
  AND setting.setting <> wanted.value
  -- Behind a pooler that the URL does not name, others would be given what is set here.
  AND (setting.name <> ALL ($4::text[]) OR pg_catalog.pg_backend_pid() = $3::integer)
  AND (setting.name <> 'synchronous_commit' OR setting.setting = 'off')
