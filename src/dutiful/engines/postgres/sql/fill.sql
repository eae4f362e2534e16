-- Numbered in the order of the arrays, stored in that of their keys as by enqueue_keys.sql. A job
-- whose id or key is taken is skipped.
INSERT INTO {schema}.job (
  seq, id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
  started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
)
SELECT given.* FROM (SELECT nextval({sequence}::regclass), record.* FROM unnest(
  $1::text[], $2::text[], $3::text[], $4::smallint[], $5::smallint[], $6::bytea[], $7::integer[],
  $8::integer[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
  $14::integer[], $15::integer[], $16::text[], $17::text[], $18::bigint[], $19::boolean[],
  $20::text[], $21::smallint[], $22::text[], $23::text[], $24::bytea[], $25::integer[],
  $26::bigint[]
) AS record) AS given (
  seq, id, task, queue, state, priority, args, attempt, max_attempts, enqueued_at, run_at,
  started_at, finished_at, expires_at, crashes, fence, worker, reason, parked_at,
  cancel_requested, unique_key, unique_states, tags, meta, result, steps, redriven_at
)
ORDER BY unique_key COLLATE "C", id COLLATE "C"
ON CONFLICT DO NOTHING
RETURNING id, seq
