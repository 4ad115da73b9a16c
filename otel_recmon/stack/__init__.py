"""The pipeline as local processes: the real Collector and Prometheus, on free ports, gone when done."""
