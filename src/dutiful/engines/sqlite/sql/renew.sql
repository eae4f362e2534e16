UPDATE dutiful_worker SET renewed_at = ?, renewed_ticks = ?, boot = ? WHERE id = ? AND lost = 0
