SELECT seq FROM dutiful_job WHERE id = ? AND state >= 4
