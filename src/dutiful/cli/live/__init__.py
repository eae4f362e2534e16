"""The screen of ``dutiful top``: frames become lines, keys become actions."""
