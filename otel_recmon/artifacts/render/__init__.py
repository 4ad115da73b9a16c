"""The files for Grafana, Prometheus, Alertmanager, the Collector and Kubernetes. It may not import `docs`."""
