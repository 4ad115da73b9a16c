"""The files that Grafana, Prometheus, Kubernetes and the Collector read; may import all of artifacts but `docs`."""
