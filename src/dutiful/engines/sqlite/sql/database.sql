-- Asks the database about itself.

-- name: indexes
-- The indexes of the store; a check misses what is not among them.
SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'dutiful#_%' ESCAPE '#'

-- name: hiding
-- Temporary tables and views of a caller's connection that hide ours.
SELECT +name FROM sqlite_temp_master
WHERE type IN ('table', 'view') AND name LIKE 'dutiful!_%' ESCAPE '!'
