SELECT pg_advisory_unlock(hashtextextended({channel}, 0))
