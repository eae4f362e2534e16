"""What is told about events: the bus that carries them and those who read it."""
