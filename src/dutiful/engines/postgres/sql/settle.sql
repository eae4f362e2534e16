-- A job whose cancellation was requested does not come back.
UPDATE {schema}.job AS job SET
  state = CASE WHEN ended.state < 4 AND job.cancel_requested THEN 6 ELSE ended.state END,
  run_at = CASE WHEN ended.state >= 4 OR job.cancel_requested THEN job.run_at
    ELSE coalesce(ended.run_at, clock.now + ended.delay, job.run_at) END,
  finished_at = CASE WHEN ended.state >= 4 OR job.cancel_requested THEN clock.now END,
  reason = CASE WHEN ended.state < 4 AND job.cancel_requested THEN 'cancelled'
    ELSE ended.reason END,
  result = ended.result, attempt = ended.attempt, crashes = ended.crashes,
  parked_at = ended.parked_at, worker = NULL, cancel_requested = false,
  fence = CASE WHEN ended.rescue THEN least(job.fence, 2147483646) + 1 ELSE job.fence END
FROM unnest(
  $1::text[], $2::integer[], $3::smallint[], $4::bytea[], $5::bigint[], $6::bigint[],
  $7::integer[], $8::integer[], $9::text[], $10::bigint[], $11::boolean[]
) AS ended (
  id, fence, state, result, delay, run_at, attempt, crashes, reason, parked_at, rescue
)
CROSS JOIN (SELECT coalesce($12::bigint, {now}) AS now) AS clock
WHERE job.id = ended.id AND job.fence = ended.fence AND job.state + 0 = 2
RETURNING job.id, job.queue, job.state
