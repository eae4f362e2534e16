-- Each id of a store stands between two bars.
INSERT INTO dutiful_queue (name, paused_at, shut, shut_for) VALUES (?, ?, 1, ?)
ON CONFLICT (name) DO UPDATE SET
  shut_for = coalesce(dutiful_queue.shut_for, '') || excluded.shut_for
WHERE dutiful_queue.shut = 1
  AND instr(coalesce(dutiful_queue.shut_for, ''), excluded.shut_for) = 0
