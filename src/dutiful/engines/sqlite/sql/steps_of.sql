SELECT name, result FROM dutiful_step WHERE seq = ? ORDER BY rowid
