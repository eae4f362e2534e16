SELECT name, sum(count)::bigint FROM {schema}.tally GROUP BY name
