"""Reports of any period from Prometheus: as text, as JSON, as an HTML page, or as routes of a service."""
