UPDATE dutiful_job SET
  state = 1, args = coalesce(?, args), attempt = 0, crashes = 0, run_at = ?, redriven_at = ?,
  finished_at = NULL, expires_at = NULL, reason = NULL, parked_at = NULL, cancel_requested = 0,
  meta = ?
WHERE seq = ?
