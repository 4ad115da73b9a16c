"""What can stand in the way of a report, beside a Prometheus that does not answer (PrometheusError)."""


class ReportError(RuntimeError):
    """Why there are no figures: what is wrong, and what to do."""


class NoDataError(ReportError):
    """Nothing was counted in the period, which is not the same as 0."""


class UnknownError(ReportError):
    """What was asked for is not there; the message lists what is."""


class SeveralError(ReportError):
    """There are several services, and none was chosen: they are never merged."""
