SELECT id FROM dutiful_job WHERE id IN (SELECT value FROM json_each(?))
