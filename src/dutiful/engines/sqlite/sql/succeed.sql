UPDATE dutiful_job SET
  state = 4, result = ?, finished_at = ?, worker = NULL, reason = NULL, parked_at = NULL,
  cancel_requested = 0
WHERE seq = ? AND fence = ? AND state = 2 AND id = ?
