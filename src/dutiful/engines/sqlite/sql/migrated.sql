INSERT INTO dutiful_migration (number, name, applied_at) VALUES (?, ?, ?)
