UPDATE {schema}.occurrence SET
  started_at = given.started_at, finished_at = given.finished_at, state = given.state,
  told = given.told, open = given.open
FROM unnest(
  $1::bigint[], $2::bigint[], $3::smallint[], $4::smallint[], $5::boolean[], $6::text[],
  $7::bigint[]
) AS given (started_at, finished_at, state, told, open, schedule, planned)
WHERE occurrence.schedule = given.schedule AND occurrence.planned = given.planned
