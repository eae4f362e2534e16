"""The management interface: ``app.jobs``, ``app.dead``, ``app.queues`` and the like."""
