"""The hooks into web frameworks, one module each, and the latency decorator.

This package imports `reading` and `recording`. A module is imported only if its web framework is installed.
"""
