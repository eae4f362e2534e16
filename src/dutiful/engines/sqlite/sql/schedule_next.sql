SELECT due_at FROM dutiful_schedule WHERE due_at > ? ORDER BY due_at LIMIT 1
