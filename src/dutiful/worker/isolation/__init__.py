"""Where a job's body runs when it does not run on the loop: threads and child processes."""
