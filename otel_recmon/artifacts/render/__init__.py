"""The files for Grafana, Prometheus, Alertmanager, the Collector and Kubernetes; may import all packages but `docs`."""
