SELECT pg_advisory_unlock(hashtextextended({channel}::text, 0::bigint))
