"""Checks of a service's telemetry, one module per topic; each yields findings from findings.toml."""
