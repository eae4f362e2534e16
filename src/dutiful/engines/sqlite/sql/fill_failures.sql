INSERT INTO dutiful_failure (seq, fence, attempt, at, worker, type, message, traceback)
SELECT seq, fence - ?, ?, ?, ?, ?, ?, ? FROM dutiful_job WHERE id = ?
