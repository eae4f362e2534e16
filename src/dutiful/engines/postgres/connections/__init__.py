"""Connections to the server, pools of them, and what the server refuses."""
