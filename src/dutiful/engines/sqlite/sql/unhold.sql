-- The end of a row with a set of states that is none of ours may meet another row of its key.
UPDATE dutiful_job SET unique_states = -32768 WHERE seq = ? AND fence = ? AND state = 2 AND id = ?
