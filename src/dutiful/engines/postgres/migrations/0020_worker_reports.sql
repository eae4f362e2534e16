-- What a worker says about itself with each renewal, and what it is ordered to do. An older release
-- writes no report and obeys no order.
ALTER TABLE {schema}.worker ADD COLUMN report text;
ALTER TABLE {schema}.worker ADD COLUMN ordered text;
