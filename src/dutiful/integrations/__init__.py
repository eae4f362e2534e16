"""Bridges to programs that are installed beside Dutiful; each is imported only by who uses it."""
