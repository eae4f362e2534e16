DELETE FROM {schema}.edition WHERE app = $1 AND digest = ANY ($2::text[])
