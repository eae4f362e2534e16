UPDATE dutiful_job SET steps = (SELECT count(*) FROM dutiful_step WHERE seq = dutiful_job.seq)
WHERE seq = ?
