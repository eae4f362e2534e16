-- {index} and {conditions} are filled in: are there few enough rows to sort them?
SELECT count(*) FROM (SELECT 1 FROM dutiful_job {index} WHERE {conditions} LIMIT ?)
