"""The Grafana dashboards. The package may import `signals` and the lower layers, but not `alerts`."""
