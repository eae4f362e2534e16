-- Those that a copy from this store may fill in anew.
SELECT name FROM dutiful_schedule WHERE paused_at = ? AND (shut_for IS NULL OR shut_for = ?)
