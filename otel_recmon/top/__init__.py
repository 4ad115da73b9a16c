"""What a service does right now, for people at a terminal: read from its page or from Prometheus, and drawn."""
