SELECT seq, name, result FROM dutiful_step WHERE seq BETWEEN ? AND ? ORDER BY seq, rowid
