DELETE FROM dutiful_occurrence WHERE schedule = ? AND number <= ? AND NOT open
