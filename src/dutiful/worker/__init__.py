"""The process that runs jobs: fetch, execute, settle, and stay alive meanwhile."""
