SELECT number, name FROM {schema}.migration
