SELECT seq, name, result FROM {schema}.step WHERE seq = ANY ($1::bigint[]) ORDER BY seq, place
