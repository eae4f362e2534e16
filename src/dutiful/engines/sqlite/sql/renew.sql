UPDATE dutiful_worker SET renewed_at = ?, renewed_ticks = ?, boot = ?, stalled_for = ?
WHERE id = ? AND lost = 0
