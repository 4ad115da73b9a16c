"""The files that are generated from the catalog and from recmon.toml; never imported inside a service.

The package may import `stats`, top-level modules such as `catalog`, the limits of `recording`, and the files of
`stack`. Its parts are in layers, and a part imports only from lower layers. From the top, the layers are: render and
docs, dashboards and alerts, signals, settings, promql and pages.
"""
