DELETE FROM dutiful_worker WHERE id = ?
