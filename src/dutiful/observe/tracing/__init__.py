"""Traces: spans of enqueues, attempts and steps, by OpenTelemetry."""
