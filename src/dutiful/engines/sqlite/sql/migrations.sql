SELECT number FROM dutiful_migration
