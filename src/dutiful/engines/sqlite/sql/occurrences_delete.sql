DELETE FROM dutiful_occurrence WHERE schedule = ?
