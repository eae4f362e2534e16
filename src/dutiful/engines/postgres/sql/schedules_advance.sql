UPDATE {schema}.schedule SET
  version = schedule.version + 1, number = given.number, last_at = given.last_at,
  next_at = given.next_at, held_at = given.held_at,
  held_previous_at = given.held_previous_at, broken = given.broken, retry_at = given.retry_at
FROM unnest(
  $1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[],
  $8::bigint[]
) AS given (name, number, last_at, next_at, held_at, held_previous_at, broken, retry_at)
WHERE schedule.name = given.name
