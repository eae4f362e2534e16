UPDATE {schema}.fence SET floor = $1 WHERE floor < $1
