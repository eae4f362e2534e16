UPDATE dutiful_job SET
  state = ?, result = ?, finished_at = ?, attempt = ?, crashes = ?, reason = ?, parked_at = ?,
  fence = min(fence + ?, 2147483647), worker = NULL, cancel_requested = 0
WHERE seq = ? AND fence = ? AND state = 2 AND id = ?
