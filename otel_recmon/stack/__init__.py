"""The pipeline as local processes: the real Collector and Prometheus, on free ports, gone when done."""

from otel_recmon.stack.component import Component, StackError
from otel_recmon.stack.stack import Stack

__all__ = ["Component", "Stack", "StackError"]
