INSERT INTO {schema}.edition (app, digest, rank, seen_at, applied) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (app, digest) DO UPDATE SET
  rank = excluded.rank, seen_at = excluded.seen_at, applied = excluded.applied
