SELECT number FROM {schema}.migration
