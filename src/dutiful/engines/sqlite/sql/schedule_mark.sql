UPDATE dutiful_schedule SET shut_for = CASE WHEN paused_at = ? THEN ? END WHERE name = ?
