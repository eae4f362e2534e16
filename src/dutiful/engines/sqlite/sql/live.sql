SELECT dutiful_occurrence.schedule, dutiful_job.id
FROM dutiful_occurrence INDEXED BY dutiful_occurrence_open
JOIN dutiful_job ON dutiful_job.id = dutiful_occurrence.job_id
WHERE dutiful_occurrence.open AND schedule IN (SELECT value FROM json_each(?))
  AND dutiful_job.state < 4
ORDER BY schedule, planned
