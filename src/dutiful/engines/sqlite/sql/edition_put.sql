INSERT INTO dutiful_edition (app, digest, rank, seen_at, applied) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (app, digest) DO UPDATE SET
  rank = excluded.rank, seen_at = excluded.seen_at, applied = excluded.applied
