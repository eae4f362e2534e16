UPDATE dutiful_occurrence SET kind = ?, why = ?, job_id = ?, open = ?
WHERE schedule = ? AND planned = ?
