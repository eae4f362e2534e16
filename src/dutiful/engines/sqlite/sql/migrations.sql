SELECT +number, +name FROM dutiful_migration
