"""The dashboards, alerts, configurations and tables that are generated from the catalog and from recmon.toml.

A service never imports it. Of the rest of the package it may import facts, `stats`, the bounds of `recording` and the
files of `stack`. Its own packages import in one direction: render and docs > dashboards and alerts > signals >
settings > promql and pages.
"""
