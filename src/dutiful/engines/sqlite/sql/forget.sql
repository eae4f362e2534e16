DELETE FROM dutiful_worker WHERE rowid = ? AND lost <> 0
