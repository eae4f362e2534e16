-- Before jobs are deleted. A higher fence was not reached by claims: see core/fence.py.
UPDATE dutiful_fence SET floor = max(floor, (
  SELECT coalesce(max(fence), 0) FROM dutiful_job
  WHERE seq IN (SELECT value FROM json_each(?)) AND fence < 2000000000
))
