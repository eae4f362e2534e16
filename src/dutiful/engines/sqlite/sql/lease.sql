SELECT lease FROM dutiful_worker WHERE id = ?
