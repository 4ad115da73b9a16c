"""Errors of a report, other than PrometheusError."""

from otel_recmon.errors import RecmonError


class ReportError(RecmonError):
    """A report without figures. The message names the cause and the remedy."""


class NoDataError(ReportError):
    """No service sent data in the period, which is not the same as 0 requests."""


class UnknownError(ReportError):
    """An unknown service or model version. The message lists the known services or model versions."""


class SeveralError(ReportError):
    """Several services match. Their figures are never added up, so the user must choose one service."""
