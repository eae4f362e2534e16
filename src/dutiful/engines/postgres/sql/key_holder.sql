SELECT id FROM {schema}.job
WHERE unique_key IS NOT NULL AND (unique_states >> state) & 1 = 1 AND unique_key = $1
