INSERT INTO {schema}.step (seq, place, name, result)
SELECT * FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::bytea[])
