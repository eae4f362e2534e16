DELETE FROM dutiful_edition WHERE app = ? AND digest = ?
