-- The last that a review looks at; none when there are fewer.
SELECT schedule, planned FROM {schema}.occurrence
WHERE open AND (schedule, planned) > ($1::text, $2::bigint)
ORDER BY schedule, planned LIMIT 1 OFFSET $3
