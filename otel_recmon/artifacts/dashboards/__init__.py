"""The Grafana dashboards, which show signals and thresholds; may import `signals` and below, but not `alerts`."""
