-- How many errors, steps and occurrences hold values of a wrong type.
SELECT 'error', count(*) FROM dutiful_failure
WHERE typeof(attempt) <> 'integer' OR typeof(at) <> 'integer' OR typeof(worker) <> 'text'
  OR typeof(type) <> 'text' OR typeof(message) <> 'text' OR typeof(traceback) <> 'text'
UNION ALL
SELECT 'step', count(*) FROM dutiful_step WHERE typeof(name) <> 'text' OR typeof(result) <> 'blob'
UNION ALL
SELECT 'occurrence', count(*) FROM dutiful_occurrence
WHERE typeof(schedule) <> 'text' OR typeof(planned) <> 'integer' OR typeof(number) <> 'integer'
  OR typeof(kind) <> 'text' OR kind NOT IN ('enqueued', 'skipped', 'missed')
  OR typeof(recorded_at) <> 'integer' OR typeof(why) NOT IN ('text', 'null')
  OR typeof(job_id) NOT IN ('text', 'null') OR told NOT IN (0, 1, 2, 3)
