-- The last that a review looks at; none when there are fewer.
SELECT schedule, planned FROM dutiful_occurrence
WHERE open AND (schedule, planned) > (?, ?) ORDER BY schedule, planned LIMIT 1 OFFSET ?
