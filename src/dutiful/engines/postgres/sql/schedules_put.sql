INSERT INTO {schema}.schedule (
  name, spec, app, exclusive, version, number, created_at, changed_at, last_at, next_at, held_at,
  held_previous_at, since, paused_at, retired_at, broken, retry_at
)
SELECT * FROM unnest(
  $1::text[], $2::bytea[], $3::text[], $4::boolean[], $5::bigint[], $6::bigint[], $7::bigint[],
  $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
  $14::bigint[], $15::bigint[], $16::text[], $17::bigint[]
)
ON CONFLICT (name) DO UPDATE SET
  spec = excluded.spec, app = excluded.app, exclusive = excluded.exclusive,
  version = excluded.version, number = excluded.number, created_at = excluded.created_at,
  changed_at = excluded.changed_at, last_at = excluded.last_at, next_at = excluded.next_at,
  held_at = excluded.held_at, held_previous_at = excluded.held_previous_at,
  since = excluded.since, paused_at = excluded.paused_at, retired_at = excluded.retired_at,
  broken = excluded.broken, retry_at = excluded.retry_at
