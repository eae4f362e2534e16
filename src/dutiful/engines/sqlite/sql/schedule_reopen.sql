UPDATE dutiful_schedule SET paused_at = NULL, shut_for = NULL, version = version + 1
WHERE name = ? AND paused_at = ? AND (shut_for IS NULL OR shut_for = ?)
