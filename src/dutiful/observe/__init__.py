"""Events: the bus that carries them, and the log that is written from them."""
