"""Reading of slates and events from finished requests and responses.

This package imports `recording` and the packages below it, but no web framework.
"""
