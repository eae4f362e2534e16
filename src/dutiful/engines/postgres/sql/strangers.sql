-- Live workers of another release.
SELECT id, version FROM {schema}.worker
WHERE version <> $1 AND NOT lost AND renewed_at + lease >= {now}
ORDER BY id
