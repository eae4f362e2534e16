INSERT INTO dutiful_step (seq, name, result) SELECT seq, ?, ? FROM dutiful_job WHERE id = ?
