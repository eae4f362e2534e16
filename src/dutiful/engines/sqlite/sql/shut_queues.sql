-- For one store, or with '' for any.
SELECT name FROM dutiful_queue
WHERE shut = 1 AND (shut_for IS NULL OR instr(shut_for, ?) > 0) ORDER BY name
