"""Instrumentor: the entry point of ``opentelemetry-instrument`` and of services that call it themselves."""

import logging
import os
from collections.abc import Collection
from importlib.util import find_spec
from typing import Any

from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined]  # it is missing in its __all__
    BaseInstrumentor,
)

from otel_recmon.config import read, variable

_logger = logging.getLogger("otel_recmon")


class RecmonInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # its base is untyped
    """Instrumentor of the recommendation routes of all FastAPI applications in the process.

    It does nothing unless OTEL_RECMON_ENABLED is true. ``RecmonInstrumentor().instrument()`` may be called before or
    after the application and the OpenTelemetry providers are created. Its optional arguments are ``meter_provider``
    (default: the global meter provider) and ``environ``, a mapping of variables (default: ``os.environ``).
    """

    # Class attributes, because BaseInstrumentor is a singleton, whose __init__ would run again at each call.
    _installation: Any = None
    _host: Any = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return no dependency: a process without FastAPI is valid, so it must not be reported as a conflict."""
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        # opentelemetry-instrument stops at the first instrumentor that raises an exception.
        try:
            self._start(**kwargs)
        except Exception:
            _logger.exception("otel-recmon could not start; the service runs without its metrics")

    def _start(self, **kwargs: Any) -> None:
        settings, problems = read(kwargs.get("environ", os.environ))
        if not settings.enabled:
            _logger.debug("otel-recmon is switched off; set %s=true to switch it on", variable("enabled"))
            return
        if find_spec("fastapi") is None:
            _logger.error(
                "otel-recmon cannot instrument the service: FastAPI is not installed; MetricsCollector works without it"
            )
            return
        # This import is delayed, so that the plugin costs no start-up time and memory while it is switched off.
        from otel_recmon.integrations.activation import activate  # noqa: PLC0415

        self._host, self._installation = activate(settings, problems, kwargs.get("meter_provider"))

    def _uninstrument(self, **_: Any) -> None:
        if self._installation is not None:
            self._host.observer = None
            self._installation.remove()
            self._host = self._installation = None
