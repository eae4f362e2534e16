INSERT INTO {schema}.occurrence (
  schedule, planned, previous, number, kind, why, job_id, recorded_at, backfilled, start_by,
  finish_by, started_at, finished_at, state, told, open
)
SELECT * FROM unnest(
  $1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[],
  $8::bigint[], $9::boolean[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
  $14::smallint[], $15::smallint[], $16::boolean[]
)
