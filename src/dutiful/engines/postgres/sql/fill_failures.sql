INSERT INTO {schema}.failure (seq, job_id, fence, attempt, at, worker, type, message, traceback)
SELECT * FROM unnest(
  $1::bigint[], $2::text[], $3::integer[], $4::integer[], $5::bigint[], $6::text[], $7::text[],
  $8::text[], $9::text[]
)
