DELETE FROM {schema}.queue WHERE name = ANY ($1::text[]) AND shut RETURNING name
