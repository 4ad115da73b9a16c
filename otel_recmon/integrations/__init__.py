"""The hooks into web frameworks, one module each, and the latency decorator.

It imports `reading` and `recording`. A module is imported only if its framework is installed.
"""
