UPDATE dutiful_occurrence SET started_at = ?, finished_at = ?, state = ?, told = ?, open = ?
WHERE schedule = ? AND planned = ?
