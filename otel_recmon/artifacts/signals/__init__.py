"""The signals: the figures of panels and alerts, in PromQL. The package may import `settings`, `promql` and `pages`."""
