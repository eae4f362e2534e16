-- A row with a set of states that is none of ours may meet another of its key when it is moved. It
-- runs under nobody, so a rescuer lets it die as what it is, and its new set holds no key.
UPDATE dutiful_job SET
  state = 2, worker = NULL, started_at = ?, fence = min(fence, 2147483646) + 1,
  unique_states = -32768
WHERE seq IN (
  SELECT seq FROM (
    SELECT seq, unique_states FROM dutiful_job INDEXED BY dutiful_job_due
    WHERE state IN (0, 3) AND queue = ? AND run_at <= ? ORDER BY run_at LIMIT ?
  )
  WHERE typeof(unique_states) <> 'integer' OR unique_states NOT IN
    (0, 15, 31, 47, 63, 79, 95, 111, 127)
)
