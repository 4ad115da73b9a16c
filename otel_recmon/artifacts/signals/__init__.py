"""The signals: what is worth knowing, each with its PromQL; may import `settings`, `promql` and `pages`."""
