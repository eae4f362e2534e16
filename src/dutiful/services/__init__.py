"""Background duties that every worker shares: any of them may do the work, at any time."""
