INSERT OR IGNORE INTO dutiful_queue (name, paused_at) VALUES (?, ?)
