DELETE FROM {schema}.occurrence USING unnest($1::text[], $2::bigint[]) AS given (name, number)
WHERE NOT open AND schedule = given.name AND occurrence.number <= given.number
