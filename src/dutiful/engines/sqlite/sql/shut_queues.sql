SELECT name FROM dutiful_queue WHERE shut = 1 ORDER BY name
