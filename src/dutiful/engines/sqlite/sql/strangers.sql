-- Live workers of another release.
SELECT id FROM dutiful_worker
WHERE version <> ? AND lost = 0 AND boot = ? AND ? - renewed_ticks <= lease
