DELETE FROM dutiful_step WHERE seq = ?
