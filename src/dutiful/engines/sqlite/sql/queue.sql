-- Pauses queues, and shuts them while their jobs are copied to another store.

-- name: pause
-- Pauses a queue; one that was shut for a copy stays paused after it.
INSERT INTO dutiful_queue (name, paused_at) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET shut = 0

-- name: paused
-- Queues that are paused or shut.
SELECT name, paused_at FROM dutiful_queue

-- name: resume
DELETE FROM dutiful_queue WHERE name = ?

-- name: shut
-- Pauses a queue while its jobs are copied to a store, and adds the store to those of a queue that
-- is shut already.
-- Each id of a store stands between two bars.
INSERT INTO dutiful_queue (name, paused_at, shut, shut_for) VALUES (?, ?, 1, ?)
ON CONFLICT (name) DO UPDATE SET
  shut_for = coalesce(dutiful_queue.shut_for, '') || excluded.shut_for
WHERE dutiful_queue.shut = 1
  AND instr(coalesce(dutiful_queue.shut_for, ''), excluded.shut_for) = 0

-- name: shut_queues
-- For one store, or with '' for any.
SELECT name FROM dutiful_queue
WHERE shut = 1 AND (shut_for IS NULL OR instr(shut_for, ?) > 0) ORDER BY name

-- name: reopen
-- Resumes a queue that is shut, unless it is shut for yet another store.
DELETE FROM dutiful_queue
WHERE name = ? AND shut = 1 AND replace(coalesce(shut_for, ''), ?, '') = ''

-- name: unmark
-- Takes a store away from those for which queues are shut.
UPDATE dutiful_queue SET shut_for = replace(shut_for, ?, '') WHERE name = ? AND shut = 1
