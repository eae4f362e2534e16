DELETE FROM dutiful_queue
WHERE name = ? AND shut = 1 AND replace(coalesce(shut_for, ''), ?, '') = ''
