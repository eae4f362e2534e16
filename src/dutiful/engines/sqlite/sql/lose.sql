UPDATE dutiful_worker SET lost = 1 WHERE id = ? AND lost = 0
