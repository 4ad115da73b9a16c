"""What is installed: the entry point, the exporters, versions that fit, and whether anything is set up twice."""

import difflib
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from importlib.util import find_spec
from typing import Final

from opentelemetry.metrics import get_meter_provider
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from otel_recmon.doctor.application import imported
from otel_recmon.doctor.target import EXPORTERS, GRPC, HTTP, Patient, python
from otel_recmon.findings import Finding, found
from otel_recmon.plugin import RecmonInstrumentor

OURS: Final = "otel-recmon"
_ENTRY: Final = "recmon"
_INSTRUMENTORS: Final = "opentelemetry_instrumentor"
_SIGNALS: Final = ("metrics", "traces", "logs")
_REMEDIES: Final = {
    EXPORTERS[GRPC]: "Set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf (port 4318), which `otel-recmon[otlp]` brings, "
    "or run `{python} -m pip install opentelemetry-exporter-otlp-proto-grpc`.",
    EXPORTERS[HTTP]: "Run `{python} -m pip install 'otel-recmon[otlp]'`.",
    "prometheus": "Run `{python} -m pip install 'otel-recmon[prometheus]'`.",
}


def examine(patient: Patient) -> Iterator[Finding]:
    """Find what is wrong with what is installed in this interpreter."""
    yield from _entry_point()
    yield from _needed(patient)
    if patient.zero_code:
        yield from _instrumentors(patient)
        yield from _exporters(patient)
    yield from _doubles()
    yield from _conflicts()
    if patient.app:
        yield from _twice(patient)


def _entry_point() -> Iterator[Finding]:
    if not any(_module(entry) == "otel_recmon" for entry in entry_points(group=_INSTRUMENTORS, name=_ENTRY)):
        yield found("entry-point-missing", python=python())


def _needed(patient: Patient) -> Iterator[Finding]:
    if find_spec("fastapi") is None:
        yield found("fastapi-missing", python=python())
    if find_spec("opentelemetry.sdk") is None:
        yield found("sdk-missing", python=python())
    elif patient.zero_code and not entry_points(group="opentelemetry_configurator"):
        yield found("distro-missing", python=python())


def _instrumentors(patient: Patient) -> Iterator[Finding]:
    skipped = {name.strip() for name in patient.value("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS").split(",")}
    if "*" in skipped:
        return
    for entry in entry_points(group=_INSTRUMENTORS):
        if entry.name in skipped or _module(entry) == "otel_recmon":
            continue
        error = _failure(entry)
        if error and not isinstance(error, ImportError):  # which OpenTelemetry passes over
            yield found("instrumentor-broken", name=entry.name, distribution=_distribution(entry), error=_words(error))


def _exporters(patient: Patient) -> Iterator[Finding]:
    missing: defaultdict[str, list[str]] = defaultdict(list)
    wrong: set[str] = set()
    for signal in _SIGNALS:
        installed = {entry.name for entry in entry_points(group=f"opentelemetry_{signal}_exporter")}
        for name in patient.exporters(signal):
            protocol = patient.protocol(signal)
            exporter = EXPORTERS.get(protocol) if name == "otlp" else name
            if exporter is None:
                wrong.add(protocol)
            elif exporter not in installed:
                missing[exporter].append(signal)
    for protocol in sorted(wrong):
        yield found("protocol-unknown", variable="OTEL_EXPORTER_OTLP_PROTOCOL", value=protocol)
    for exporter, signals in missing.items():
        yield _missing(patient, exporter, signals)


def _missing(patient: Patient, exporter: str, signals: list[str]) -> Finding:
    names = [f"OTEL_{signal.upper()}_EXPORTER" for signal in signals]
    said = ", ".join(f"{name}={patient.value(name)}" if patient.value(name) else f"{name} (not set)" for name in names)
    known = sorted(
        {entry.name for signal in signals for entry in entry_points(group=f"opentelemetry_{signal}_exporter")}
    )
    near = difflib.get_close_matches(exporter, [*known, "otlp"], n=1) if exporter not in _REMEDIES else []
    there = f"Installed are {', '.join(known)}."
    return found(
        "exporter-missing",
        said=said,
        exporter=exporter,
        near=f"; perhaps {near[0]} is meant" if near else "",
        remedy=_REMEDIES.get(exporter, there).format(python=python()),
    )


def _doubles() -> Iterator[Finding]:
    places: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for distribution in distributions():
        name = _name(distribution)
        if _counts(name):
            places[name].setdefault(str(distribution.locate_file("").resolve()), distribution.version)  # type: ignore[attr-defined]  # a path, of what is on disk
    for name, versions in sorted(places.items()):
        if len(versions) > 1:
            yield found(
                "distribution-double",
                name=name,
                places=", ".join(f"{version} in {place}" for place, version in versions.items()),
            )


def _conflicts() -> Iterator[Finding]:
    installed: dict[str, Distribution] = {}
    for distribution in distributions():
        installed.setdefault(_name(distribution), distribution)  # the first one is that which runs
    for name, distribution in sorted(installed.items()):
        for text in (distribution.requires or ()) if _counts(name) else ():
            requirement = Requirement(text)
            other = installed.get(canonicalize_name(requirement.name))
            if other is None or not _counts(_name(other)) or not _applies(requirement):
                continue
            if not requirement.specifier.contains(other.version, prereleases=True):
                yield found(
                    "versions-conflict",
                    name=name,
                    version=distribution.version,
                    requirement=f"{requirement.name}{requirement.specifier}",
                    found=other.version,
                    python=python(),
                )


def _twice(patient: Patient) -> Iterator[Finding]:
    imported(patient)
    provided = type(get_meter_provider()).__module__.startswith("opentelemetry.sdk")
    if provided and patient.command and patient.zero_code:
        yield found("provider-twice", app=patient.app)
    if not patient.zero_code and not RecmonInstrumentor().is_instrumented_by_opentelemetry:
        yield found("nothing-instruments", app=patient.app)


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _counts(name: str) -> bool:
    return name == OURS or name.startswith("opentelemetry-")


def _name(distribution: Distribution) -> str:
    return canonicalize_name(distribution.metadata["Name"] or "")


def _module(entry: EntryPoint) -> str:
    return entry.value.partition(".")[0].partition(":")[0]


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "an unknown package"


def _failure(entry: EntryPoint) -> Exception | None:
    try:
        entry.load()
    except Exception as error:  # noqa: BLE001 - whatever it is, OpenTelemetry meets it too
        return error
    return None


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
