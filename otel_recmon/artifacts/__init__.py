"""The files that are generated from the catalog and from recmon.toml; never imported inside a service.

It may import facts, `stats`, the bounds of `recording` and the files of `stack`. Its own packages import in one
direction: render and docs > dashboards and alerts > signals > settings > promql and pages.
"""
