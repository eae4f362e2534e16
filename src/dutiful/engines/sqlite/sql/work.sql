SELECT +task, +args, +meta FROM dutiful_job WHERE seq = ?
