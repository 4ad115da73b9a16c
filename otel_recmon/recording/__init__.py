"""The methods of ``MetricsCollector``, the counts, and the instruments that export the counts.

This package imports the root modules and `stats`, but no web framework.
"""
