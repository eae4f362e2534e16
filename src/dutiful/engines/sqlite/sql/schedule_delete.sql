DELETE FROM dutiful_schedule WHERE name = ?
