-- Only while the renewal that was judged is still the worker's last.
UPDATE {schema}.worker AS worker SET lost = true
FROM unnest($1::text[], $2::bigint[]) AS judged (id, renewed_at)
WHERE NOT lost AND worker.id = judged.id AND worker.renewed_at = judged.renewed_at
RETURNING worker.id
