UPDATE dutiful_job SET
  task = ?, queue = ?, state = ?, priority = ?, args = ?, max_attempts = ?, run_at = ?,
  expires_at = ?, tags = ?, meta = ?, reason = NULL, parked_at = NULL
WHERE seq = ?
