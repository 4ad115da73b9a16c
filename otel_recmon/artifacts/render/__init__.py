"""The files that Grafana, Prometheus and the Collector read, made of the definitions."""
