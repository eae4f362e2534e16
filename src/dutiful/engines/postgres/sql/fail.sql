-- Runs before the settlement and under the same guard, so that a refused one leaves no error.
INSERT INTO {schema}.failure (seq, job_id, fence, attempt, at, worker, type, message, traceback)
SELECT job.seq, job.id, job.fence, e.attempt, e.at, e.worker, e.type, e.message, e.traceback
FROM unnest(
  $1::text[], $2::integer[], $3::integer[], $4::bigint[], $5::text[], $6::text[], $7::text[],
  $8::text[]
) AS e (id, fence, attempt, at, worker, type, message, traceback)
JOIN {schema}.job AS job ON job.id = e.id AND job.fence = e.fence AND job.state + 0 = 2
FOR UPDATE OF job
ON CONFLICT DO NOTHING
