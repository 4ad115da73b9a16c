"""The identity of a service in its series."""

import json
from typing import NamedTuple


class Service(NamedTuple):
    """The labels that tell a service and its environments apart; a label is "" where the series do not have it."""

    job: str = ""
    deployment_environment_name: str = ""

    def __str__(self) -> str:
        """Return the name for people; the page of a single process does not say its job."""
        name, environment = self.job or "this process", self.deployment_environment_name
        return f"{name} ({environment})" if environment else name

    def selector(self, name: str) -> str:
        """Return the PromQL for the service's series of a name."""
        matchers = (f"{label}={quoted(value)}" for label, value in self._asdict().items())
        return f"{name}{{{', '.join(matchers)}}}"


def quoted(value: str) -> str:
    """Return a text as PromQL writes it."""
    return json.dumps(value, ensure_ascii=False)
