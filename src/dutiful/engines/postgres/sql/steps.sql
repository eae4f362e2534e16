SELECT name, result FROM {schema}.step
WHERE seq = (SELECT seq FROM {schema}.job WHERE id = $1) ORDER BY place
