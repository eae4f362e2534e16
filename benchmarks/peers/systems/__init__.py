"""How each system is driven: one file each, with the functions that ``workload.System`` names."""
