DELETE FROM {schema}.occurrence WHERE schedule = ANY ($1::text[])
