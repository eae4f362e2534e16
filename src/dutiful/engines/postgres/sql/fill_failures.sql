INSERT INTO {schema}.failure (seq, fence, attempt, at, worker, type, message, traceback)
SELECT * FROM unnest(
  $1::bigint[], $2::integer[], $3::integer[], $4::bigint[], $5::text[], $6::text[], $7::text[],
  $8::text[]
)
