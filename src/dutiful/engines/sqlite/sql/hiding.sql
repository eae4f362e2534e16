SELECT +name FROM sqlite_temp_master
WHERE type IN ('table', 'view') AND name LIKE 'dutiful!_%' ESCAPE '!'
