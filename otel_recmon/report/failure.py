"""What can stand in the way of a report, beside a Prometheus that does not answer (PrometheusError)."""

from otel_recmon.errors import RecmonError


class ReportError(RecmonError):
    """The report has no figures."""


class NoDataError(ReportError):
    """Nothing was counted in the period, which is not the same as 0."""


class UnknownError(ReportError):
    """What was asked for is not there; the message lists what is."""


class SeveralError(ReportError):
    """There are several services, and none was chosen: they are never merged."""
