-- A job whose cancellation was requested does not come back.
UPDATE dutiful_job SET
  state = iif(cancel_requested, 6, ?),
  run_at = iif(cancel_requested, run_at, coalesce(?, run_at)),
  finished_at = iif(cancel_requested, ?, NULL),
  reason = iif(cancel_requested, 'cancelled', ?),
  result = ?, attempt = ?, crashes = ?, parked_at = ?, fence = min(fence + ?, 2147483647),
  worker = NULL, cancel_requested = 0
WHERE seq = ? AND fence = ? AND state = 2 AND id = ?
