"""Local servers of the databases that engines use, for the demo, benchmarks and tests."""
