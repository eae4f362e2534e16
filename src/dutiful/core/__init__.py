"""The rules of a job's life: values in, values out, no I/O, clock or randomness."""
