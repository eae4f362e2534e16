DELETE FROM {schema}.schedule WHERE name = ANY ($1::text[])
