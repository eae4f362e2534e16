"""Connections to the server, pools of them, and the server's errors."""
