UPDATE dutiful_tally SET count = count + ? WHERE name = ?
