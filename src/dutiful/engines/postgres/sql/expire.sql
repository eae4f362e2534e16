-- Only while the renewal that was judged is still the worker's last. A row that another session has
-- locked is left for the next turn, so that it does not delay the others.
UPDATE {schema}.worker SET lost = true
WHERE id IN (
  SELECT worker.id FROM {schema}.worker AS worker
  JOIN unnest($1::text[], $2::bigint[]) AS judged (id, renewed_at)
    ON worker.id = judged.id AND worker.renewed_at = judged.renewed_at
  WHERE NOT lost FOR UPDATE OF worker SKIP LOCKED
)
RETURNING id
