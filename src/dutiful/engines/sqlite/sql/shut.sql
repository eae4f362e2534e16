INSERT OR IGNORE INTO dutiful_queue (name, paused_at, shut) VALUES (?, ?, 1)
