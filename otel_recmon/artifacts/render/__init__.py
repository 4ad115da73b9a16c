"""The files for Grafana, Prometheus, Alertmanager, the Collector and Kubernetes. The package may not import `docs`."""
