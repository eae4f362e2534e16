"""What the SQL engines share: statements as plans, rows and records, declarations, inspection."""
