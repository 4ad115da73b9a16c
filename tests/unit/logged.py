"""Reads the log events of a test back as a Collector would have written them."""

from functools import cache

from google.protobuf.json_format import MessageToJson  # type: ignore[import-untyped]
from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

from otel_recmon.eventlog import Event, events


@cache
def exporter() -> InMemoryLogRecordExporter:
    """Keep what the global logger provider, which is made now, is given."""
    kept = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(kept))
    set_logger_provider(provider)
    return kept


def line() -> str:
    """Return what was logged since the last time, as a line of OTLP JSON."""
    logs = exporter().get_finished_logs()
    exporter().clear()
    return str(MessageToJson(encode_logs(logs), indent=None))


def logged() -> list[Event]:
    """Return the events that were logged since the last time."""
    return list(events([line()]))
