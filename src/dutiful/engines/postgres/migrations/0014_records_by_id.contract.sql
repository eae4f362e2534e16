-- Before this, two jobs with the same number cannot both keep a step of one name.
ALTER TABLE {schema}.step DROP CONSTRAINT step_pkey;
ALTER TABLE {schema}.step ADD CONSTRAINT step_key PRIMARY KEY USING INDEX step_key;
ALTER TABLE {schema}.failure DROP CONSTRAINT failure_pkey;
ALTER TABLE {schema}.failure ADD CONSTRAINT failure_key PRIMARY KEY USING INDEX failure_key;
