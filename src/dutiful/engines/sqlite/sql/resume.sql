DELETE FROM dutiful_queue WHERE name = ?
