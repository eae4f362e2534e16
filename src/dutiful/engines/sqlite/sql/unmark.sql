UPDATE dutiful_queue SET shut_for = replace(shut_for, ?, '') WHERE name = ? AND shut = 1
