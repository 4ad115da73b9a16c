"""The settings of recmon.toml with their defaults, read strictly; may import `promql` and `pages`."""
