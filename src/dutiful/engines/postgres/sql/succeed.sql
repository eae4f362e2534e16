-- The sum keeps the planner from the index of running jobs, which is full of dead entries.
UPDATE {schema}.job AS job SET
  state = 4, result = ended.result, finished_at = coalesce($4::bigint, {now}), worker = NULL,
  reason = NULL, parked_at = NULL, cancel_requested = false
FROM unnest($1::text[], $2::integer[], $3::bytea[]) AS ended (id, fence, result)
WHERE job.id = ended.id AND job.fence = ended.fence AND job.state + 0 = 2
