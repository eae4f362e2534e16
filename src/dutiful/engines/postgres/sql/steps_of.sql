SELECT job.id, step.name, step.result
FROM {schema}.job AS job JOIN {schema}.step AS step ON step.seq = job.seq
WHERE job.id = ANY ($1::text[]) ORDER BY job.id, step.place
