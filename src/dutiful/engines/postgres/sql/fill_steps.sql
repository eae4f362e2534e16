INSERT INTO {schema}.step (seq, job_id, place, name, result)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::integer[], $4::text[], $5::bytea[])
