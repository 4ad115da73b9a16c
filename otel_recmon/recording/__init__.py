"""The methods of ``MetricsCollector``, the counts, and the instruments that export the counts.

Besides ``stats``, this package imports no other package of otel-recmon. It imports no web framework.
"""
