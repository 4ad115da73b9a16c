"""The dashboards as they are defined."""
