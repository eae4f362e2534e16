DELETE FROM dutiful_queue WHERE name = ? AND shut = 1
