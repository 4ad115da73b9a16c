"""The instrumentor: the entry point that ``opentelemetry-instrument`` or the code of the service calls."""

import logging
import os
from collections.abc import Collection
from importlib.util import find_spec
from typing import Any

from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined]  # it is not in __all__
    BaseInstrumentor,
)

from otel_recmon.config import read, variable
from otel_recmon.safety import log_failed_start

_logger = logging.getLogger("otel_recmon")


class RecmonInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # the base class is untyped
    """Watches the recommendation routes and event routes of all FastAPI applications of the process.

    It does nothing unless OTEL_RECMON_ENABLED is true. Call ``RecmonInstrumentor().instrument()`` before or after the
    creation of the application and the providers. The argument ``meter_provider`` replaces the global meter provider.
    The argument ``environ`` replaces the environment variables of the process.
    """

    _installation: Any = None
    _switch: Any = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return no dependencies, because ``_start`` itself checks whether FastAPI is installed."""
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        # An exception here would keep every later instrumentor from running.
        try:
            self._start(**kwargs)
        except Exception as error:  # noqa: BLE001 - no error may reach the service
            log_failed_start(error)

    def _start(self, **kwargs: Any) -> None:
        settings, problems = read(kwargs.get("environ", os.environ))
        if not settings.enabled:
            for problem in problems:
                if problem.variable == variable("enabled"):
                    _logger.log(problem.level, "%s", problem)
            _logger.debug("otel-recmon is off; %s=true switches it on", variable("enabled"))
            return
        if find_spec("fastapi") is None:
            _logger.error("otel-recmon found no FastAPI to watch; MetricsCollector works without FastAPI")
            return
        # Imported only now, so that a service in which the plugin is off does not pay for the import.
        from otel_recmon.integrations.activation import activate  # noqa: PLC0415

        self._switch, self._installation = activate(settings, problems, kwargs.get("meter_provider"))

    def _uninstrument(self, **_: Any) -> None:
        if self._installation is not None:
            self._switch.observer = None
            self._installation.remove()
            self._switch = self._installation = None
