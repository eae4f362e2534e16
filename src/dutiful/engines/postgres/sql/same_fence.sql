SELECT job.id FROM {schema}.job AS job
JOIN unnest($1::text[], $2::integer[]) AS ended (id, fence)
  ON job.id = ended.id AND job.fence = ended.fence
