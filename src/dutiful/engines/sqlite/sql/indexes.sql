SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'dutiful#_%' ESCAPE '#'
