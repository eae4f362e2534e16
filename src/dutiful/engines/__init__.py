"""What stores and delivers jobs: one folder for each engine, none knows another."""
