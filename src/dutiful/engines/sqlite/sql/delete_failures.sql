DELETE FROM dutiful_failure WHERE seq = ?
