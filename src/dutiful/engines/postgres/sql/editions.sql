SELECT digest, rank, seen_at, applied FROM {schema}.edition WHERE app = $1
