SELECT name, count FROM dutiful_tally
