"""docker-compose.yml as Compose reads it."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
VARIABLE = re.compile(r"\$\$|\$\{(\w+)(?::-([^}]*))?\}")


def interpolated(text: str, environment: Mapping[str, str]) -> str:
    """Replace variables by their values or defaults, and two dollar signs by one."""
    return VARIABLE.sub(lambda found: environment.get(found[1]) or found[2] or "" if found[1] else "$", text)


def compose(**environment: str) -> dict[str, Any]:
    """The file with some variables set; what a service passes through is left out where it is not set."""
    file: dict[str, Any] = yaml.safe_load(interpolated(TEXT, environment))
    for service in file["services"].values():
        passed = service.get("environment", {})
        values = {name: environment.get(name) if value is None else value for name, value in passed.items()}
        service["environment"] = {name: value for name, value in values.items() if value is not None}
    return file


SERVICES = compose()["services"]


def mounts(service: str) -> dict[str, str]:
    """What is mounted into a service: its path in the container, and the path or volume it comes from."""
    parts = (volume.split(":") for volume in SERVICES[service].get("volumes", ()))
    return {target: source for source, target, *_ in parts}


def host_path(service: str, path: str) -> Path:
    """The file of the checkout that a service sees under a path of its container."""
    target = max((t for t in mounts(service) if os.path.commonpath([t, path]) == t), key=len)
    return ROOT / mounts(service)[target] / os.path.relpath(path, target)
