-- One at a time puts schedules in, and nobody waits for one who has stopped.
SELECT
  coalesce($1::bigint, {now}),
  pg_advisory_xact_lock(hashtextextended('dutiful schedules ' || $2::text, 0::bigint))::text,
  set_config('idle_in_transaction_session_timeout', $3::text, true)
