"""The settings of recmon.toml, with defaults and strict checks. The package may import `promql` and `pages`."""
