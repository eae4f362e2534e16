"""How each system is driven: one file each, with the functions that ``play.System`` names."""
