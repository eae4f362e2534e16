UPDATE {schema}.occurrence SET
  kind = given.kind, why = given.why, job_id = given.job_id, open = given.open
FROM unnest(
  $1::text[], $2::text[], $3::text[], $4::boolean[], $5::text[], $6::bigint[]
) AS given (kind, why, job_id, open, schedule, planned)
WHERE occurrence.schedule = given.schedule AND occurrence.planned = given.planned
