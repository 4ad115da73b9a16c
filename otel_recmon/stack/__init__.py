"""The telemetry pipeline as local processes: a real Collector and Prometheus on free ports, stopped at the end."""

from otel_recmon.stack.component import Component, StackError
from otel_recmon.stack.stack import Stack

__all__ = ["Component", "Stack", "StackError"]
