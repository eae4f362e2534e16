SELECT dutiful_occurrence.schedule, dutiful_occurrence.planned FROM json_each(?) AS given
JOIN dutiful_occurrence
  ON dutiful_occurrence.schedule = json_extract(given.value, '$[0]')
  AND dutiful_occurrence.planned = json_extract(given.value, '$[1]')
