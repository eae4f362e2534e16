INSERT OR IGNORE INTO dutiful_step (seq, name, result) VALUES (?, ?, ?)
