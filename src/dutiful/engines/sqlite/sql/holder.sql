SELECT +seq, +id, +state FROM dutiful_job INDEXED BY dutiful_job_unique
WHERE unique_key IS NOT NULL AND (unique_states >> state) & 1 AND unique_key = ?
