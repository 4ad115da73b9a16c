"""The identity of a service in the labels of its series."""

import json
from typing import NamedTuple


class Service(NamedTuple):
    """The identity of a service in one environment.

    A field is "" if the series do not have this label, as on a page of metrics.
    """

    job: str = ""
    deployment_environment_name: str = ""

    def __str__(self) -> str:
        """Return the name for users, such as ``team/shop (production)``."""
        name, environment = self.job or "this process", self.deployment_environment_name
        return f"{name} ({environment})" if environment else name

    def selector(self, name: str) -> str:
        """Return the PromQL selector of the series ``name`` of the service.

        If ``job`` or ``deployment_environment_name`` is empty, the selector selects series without this label.
        """
        matchers = (f"{label}={quoted(value)}" for label, value in self._asdict().items())
        return f"{name}{{{', '.join(matchers)}}}"


def quoted(value: str) -> str:
    """Return a text as a quoted PromQL string."""
    return json.dumps(value, ensure_ascii=False)
