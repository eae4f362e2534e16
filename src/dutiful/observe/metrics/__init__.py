"""Metrics: counted from events and measurements, shown by Prometheus and OpenTelemetry."""
