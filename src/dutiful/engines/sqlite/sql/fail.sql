-- Runs before the settlement and under the same guard, so that a refused one leaves no error.
INSERT OR IGNORE INTO dutiful_failure (seq, fence, attempt, at, worker, type, message, traceback)
SELECT seq, fence, ?, ?, ?, ?, ?, ? FROM dutiful_job
WHERE seq = ? AND fence = ? AND state = 2 AND id = ?
