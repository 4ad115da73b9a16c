"""The version of otel-recmon."""

__version__ = "0.1.0"
