"""The signals: the figures of panels and alerts, in PromQL. It may import `settings`, `promql` and `pages`."""
