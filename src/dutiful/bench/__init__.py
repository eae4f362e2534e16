"""``dutiful bench``: measures a store through the public API, beside the store's own limits."""
