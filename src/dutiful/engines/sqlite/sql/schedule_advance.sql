UPDATE dutiful_schedule SET
  version = version + 1, number = ?, last_at = ?, next_at = ?, held_at = ?,
  held_previous_at = ?, broken = ?, retry_at = ?
WHERE name = ?
