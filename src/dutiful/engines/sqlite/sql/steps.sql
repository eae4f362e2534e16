SELECT name, result FROM dutiful_step
WHERE seq = (SELECT seq FROM dutiful_job WHERE id = ?) ORDER BY rowid
