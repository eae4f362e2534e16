SELECT job.seq FROM {schema}.job AS job
JOIN unnest($1::bigint[], $2::integer[]) AS ended (seq, fence)
  ON job.seq = ended.seq AND job.fence = ended.fence
