"""The demo: a shop charges its orders while the gateway fails and a worker is killed."""
