DELETE FROM dutiful_job WHERE seq = ?
