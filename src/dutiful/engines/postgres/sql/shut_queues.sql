SELECT name FROM {schema}.queue WHERE shut ORDER BY name
