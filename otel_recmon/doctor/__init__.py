"""Finds what is wrong with a service's telemetry before production does: one module a topic."""
