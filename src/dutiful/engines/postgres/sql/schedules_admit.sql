-- Those that take their moves. One that is locked is being moved by somebody else. Should we stop
-- half-way, the server lets go for us.
SELECT schedule.name, schedule.number FROM unnest(
  $1::text[], $2::bigint[], $3::boolean[]
) AS given (name, version, by_hand)
JOIN {schema}.schedule ON schedule.name = given.name,
  (SELECT set_config('idle_in_transaction_session_timeout', $4::text, true)) AS patience
WHERE schedule.version = given.version AND schedule.retired_at IS NULL
  AND (schedule.paused_at IS NULL OR given.by_hand)
FOR UPDATE OF schedule SKIP LOCKED
