SELECT to_regclass($1 || '.migration') IS NOT NULL
