-- Only older releases use the old name of the table of listeners.
DROP VIEW {schema}.sleeper;
