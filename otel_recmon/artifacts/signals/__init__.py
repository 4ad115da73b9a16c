"""The signals: PromQL definitions of the figures in panels and alerts; may import `settings`, `promql` and `pages`."""
