-- Jobs that may be unreadable: clearly well-formed rows are left out, Python reads the rest.
SELECT
  seq, id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
  started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
FROM {schema}.job
WHERE (
  state NOT BETWEEN 0 AND 6 OR id = ''
  OR priority = -32768 OR unique_states NOT IN (0, 15, 31, 47, 63, 79, 95, 111, 127)
  OR tags <> '' AND tags !~ '^\[("[^"\\[:cntrl:]]*",?)*\]$'
  OR meta <> '' AND meta !~ '^\{("[^"\\[:cntrl:]]*":"[^"\\[:cntrl:]]*",?)*\}$'
) AND id < $1
ORDER BY id DESC LIMIT $2
