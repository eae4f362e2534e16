SELECT 1 FROM dutiful_worker WHERE id = ? AND lost = 0
