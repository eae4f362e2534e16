"""What every engine promises, and the facade through which the rest of the package uses one."""
