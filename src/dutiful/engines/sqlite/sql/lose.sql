UPDATE dutiful_worker SET lost = 1 WHERE rowid = ? AND lost = 0
