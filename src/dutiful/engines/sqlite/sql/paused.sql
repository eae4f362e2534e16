SELECT name, paused_at FROM dutiful_queue
