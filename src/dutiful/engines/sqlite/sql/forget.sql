DELETE FROM dutiful_worker WHERE id = ? AND lost = 1
