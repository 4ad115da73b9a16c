"""The files that are generated from the catalog and from recmon.toml; never imported inside a service.

It may import `stats`, the modules with facts, the bounds of `recording`, and the files of `stack`. Its packages are in
layers, and a package imports only from lower layers. From the top, the layers are: render and docs, dashboards and
alerts, signals, settings, promql and pages.
"""
