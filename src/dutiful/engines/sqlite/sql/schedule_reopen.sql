UPDATE dutiful_schedule SET paused_at = NULL, version = version + 1
WHERE name = ? AND paused_at = ?
