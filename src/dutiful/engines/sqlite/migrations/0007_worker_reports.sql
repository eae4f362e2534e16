-- What a worker says about itself with each renewal, and what it is ordered to do. An older release
-- writes no report and obeys no order.
ALTER TABLE dutiful_worker ADD COLUMN report TEXT;
ALTER TABLE dutiful_worker ADD COLUMN ordered TEXT;
