INSERT INTO dutiful_queue (name, paused_at) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET shut = 0
