SELECT name FROM {schema}.schedule WHERE app = $1
