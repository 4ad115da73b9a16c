"""The Grafana dashboards of signals and thresholds. It may import `signals` and lower packages, but not `alerts`."""
