SELECT digest, rank, seen_at, applied FROM dutiful_edition WHERE app = ?
