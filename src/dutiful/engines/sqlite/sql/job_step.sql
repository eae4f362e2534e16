-- Records the results of steps and loads them for the next attempt.

-- name: step_add
-- Records a step, once.
INSERT OR IGNORE INTO dutiful_step (seq, name, result) VALUES (?, ?, ?)

-- name: step_count
-- Writes into the job how many steps it has.
UPDATE dutiful_job SET steps = (SELECT count(*) FROM dutiful_step WHERE seq = dutiful_job.seq)
WHERE seq = ?

-- name: steps
-- The steps of one job for those who inspect it.
SELECT name, result FROM dutiful_step
WHERE seq = (SELECT seq FROM dutiful_job WHERE id = ?) ORDER BY rowid

-- name: steps_of
-- The steps that earlier attempts recorded, in their order.
SELECT name, result FROM dutiful_step WHERE seq = ? ORDER BY rowid

-- name: steps_drop
-- Beside `delete_steps`: the job has no steps any more.
UPDATE dutiful_job SET steps = 0 WHERE seq = ?
