-- Records migrations.

-- name: tables
-- Whether there is a table of migrations.
SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'dutiful_migration'

-- name: migrations_create
CREATE TABLE IF NOT EXISTS dutiful_migration (
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  applied_at INTEGER NOT NULL
)

-- name: migrations
SELECT +number, +name FROM dutiful_migration

-- name: migrated
INSERT INTO dutiful_migration (number, name, applied_at) VALUES (?, ?, ?)
