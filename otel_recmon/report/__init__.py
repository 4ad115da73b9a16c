"""The figures of any period, read from Prometheus: in words, as JSON, as a page, or inside a service."""
