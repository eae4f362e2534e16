-- Those that are recorded already are passed over, and their numbers are not spent.
INSERT INTO {schema}.occurrence (
  schedule, planned, previous, number, kind, why, job_id, recorded_at, backfilled, start_by,
  finish_by, open
)
SELECT
  name, planned, previous, base + row_number() OVER (PARTITION BY name ORDER BY place), kind, why,
  job_id, coalesce($11::bigint, {now}), backfilled, start_by, finish_by, job_id IS NOT NULL
FROM unnest(
  $1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[],
  $8::boolean[], $9::bigint[], $10::bigint[]
) WITH ORDINALITY AS given (
  name, planned, previous, base, kind, why, job_id, backfilled, start_by, finish_by, place
)
WHERE NOT EXISTS (
  SELECT FROM {schema}.occurrence AS known
  WHERE known.schedule = given.name AND known.planned = given.planned
)
ON CONFLICT DO NOTHING
RETURNING schedule, planned
