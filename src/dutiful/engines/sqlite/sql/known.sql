SELECT 1 FROM dutiful_job WHERE id = ?
