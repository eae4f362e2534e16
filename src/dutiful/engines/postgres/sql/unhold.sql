-- The end of a row with a set of states that is none of ours may meet another row of its key.
UPDATE {schema}.job AS job SET unique_states = -32768
FROM unnest($1::text[], $2::integer[]) AS ended (id, fence)
WHERE job.id = ended.id AND job.fence = ended.fence AND job.state + 0 = 2
  AND job.unique_states NOT IN (0, 15, 31, 47, 63, 79, 95, 111, 127) AND job.unique_states <> -32768
