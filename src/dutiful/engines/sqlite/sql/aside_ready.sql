-- Does for queued rows what aside_due.sql does for those that have become due.
UPDATE dutiful_job SET
  state = 2, worker = NULL, started_at = ?, fence = min(fence, 2147483646) + 1,
  unique_states = -32768
WHERE seq IN (
  SELECT seq FROM (
    SELECT seq, unique_states FROM dutiful_job INDEXED BY dutiful_job_ready
    WHERE state = 1 AND queue = ? ORDER BY priority DESC, run_at, seq LIMIT ?
  )
  WHERE typeof(unique_states) <> 'integer' OR unique_states NOT IN
    (0, 15, 31, 47, 63, 79, 95, 111, 127)
)
