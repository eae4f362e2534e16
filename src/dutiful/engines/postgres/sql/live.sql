SELECT occurrence.schedule, job.id FROM {schema}.occurrence
JOIN {schema}.job ON job.id = occurrence.job_id
WHERE occurrence.open AND occurrence.schedule = ANY ($1::text[]) AND job.state + 0 < 4
ORDER BY occurrence.schedule, occurrence.planned
