"""Statistics: intervals, histograms, diversity, coverage and sketches.

This package imports no other part of otel-recmon.
"""
