"""Finished requests and responses, read into slates and events.

It imports `recording` and everything below it, and no web framework.
"""
