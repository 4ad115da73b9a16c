"""Checks of the installed packages (entry points, exporters, versions) and of OpenTelemetry's set-up in the code."""

import difflib
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from importlib.util import find_spec
from typing import Final

from opentelemetry.metrics import get_meter_provider
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from otel_recmon.doctor.application import import_application
from otel_recmon.doctor.target import EXPORTERS, GRPC, HTTP, Target, interpreter
from otel_recmon.findings import Finding, found
from otel_recmon.plugin import RecmonInstrumentor

OURS: Final = "otel-recmon"
_PLUGIN_ENTRY_POINT: Final = "recmon"
_INSTRUMENTORS: Final = "opentelemetry_instrumentor"
_SIGNALS: Final = ("metrics", "traces", "logs")
_REMEDIES: Final = {
    EXPORTERS[GRPC]: "Set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf (port 4318), which `otel-recmon[otlp]` brings, "
    "or run `{python} -m pip install opentelemetry-exporter-otlp-proto-grpc`.",
    EXPORTERS[HTTP]: "Run `{python} -m pip install 'otel-recmon[otlp]'`.",
    "prometheus": "Run `{python} -m pip install 'otel-recmon[prometheus]'`.",
}


def examine(target: Target) -> Iterator[Finding]:
    """Yield the findings about the packages of this interpreter and, with ``--app``, about the set-up in the code."""
    yield from _check_entry_point()
    yield from _check_libraries(target)
    if target.zero_code:
        yield from _check_instrumentors(target)
        yield from _check_exporters(target)
    yield from _check_duplicates()
    yield from _check_versions()
    if target.app:
        yield from _check_set_up(target)


def _check_entry_point() -> Iterator[Finding]:
    if not any(
        _module(entry) == "otel_recmon" for entry in entry_points(group=_INSTRUMENTORS, name=_PLUGIN_ENTRY_POINT)
    ):
        yield found("entry-point-missing", python=interpreter())


def _check_libraries(target: Target) -> Iterator[Finding]:
    if find_spec("fastapi") is None:
        yield found("fastapi-missing", python=interpreter())
    if find_spec("opentelemetry.sdk") is None:
        yield found("sdk-missing", python=interpreter())
    elif target.zero_code and not entry_points(group="opentelemetry_configurator"):
        yield found("distro-missing", python=interpreter())


def _check_instrumentors(target: Target) -> Iterator[Finding]:
    skipped = {name.strip() for name in target.value("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS").split(",")}
    if "*" in skipped:
        return
    for entry in entry_points(group=_INSTRUMENTORS):
        if entry.name in skipped or _module(entry) == "otel_recmon":
            continue
        error = _load_error(entry)
        if error and not isinstance(error, ImportError):  # OpenTelemetry skips an instrumentor that raises this
            yield found(
                "instrumentor-broken", name=entry.name, distribution=_distribution(entry), error=_describe(error)
            )


def _check_exporters(target: Target) -> Iterator[Finding]:
    missing: defaultdict[str, list[str]] = defaultdict(list)
    wrong: set[str] = set()
    for signal in _SIGNALS:
        installed = {entry.name for entry in entry_points(group=f"opentelemetry_{signal}_exporter")}
        for name in target.exporters(signal):
            protocol = target.protocol(signal)
            exporter = EXPORTERS.get(protocol) if name == "otlp" else name
            if exporter is None:
                wrong.add(protocol)
            elif exporter not in installed:
                missing[exporter].append(signal)
    for protocol in sorted(wrong):
        yield found("protocol-unknown", variable="OTEL_EXPORTER_OTLP_PROTOCOL", value=protocol)
    for exporter, signals in missing.items():
        yield _missing_exporter(target, exporter, signals)


def _missing_exporter(target: Target, exporter: str, signals: list[str]) -> Finding:
    names = [f"OTEL_{signal.upper()}_EXPORTER" for signal in signals]
    variables = ", ".join(
        f"{name}={target.value(name)}" if target.value(name) else f"{name} (not set)" for name in names
    )
    known = sorted(
        {entry.name for signal in signals for entry in entry_points(group=f"opentelemetry_{signal}_exporter")}
    )
    near = difflib.get_close_matches(exporter, [*known, "otlp"], n=1) if exporter not in _REMEDIES else []
    alternatives = f"Installed exporters: {', '.join(known)}."
    return found(
        "exporter-missing",
        variables=variables,
        exporter=exporter,
        near=f" (did you mean {near[0]}?)" if near else "",
        remedy=_REMEDIES.get(exporter, alternatives).format(python=interpreter()),
    )


def _check_duplicates() -> Iterator[Finding]:
    places: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for distribution in distributions():
        name = _normalised_name(distribution)
        if _is_relevant(name):
            places[name].setdefault(str(distribution.locate_file("").resolve()), distribution.version)  # type: ignore[attr-defined]  # a Path for every package on disk
    for name, versions in sorted(places.items()):
        if len(versions) > 1:
            yield found(
                "distribution-double",
                name=name,
                places=", ".join(f"{version} in {place}" for place, version in versions.items()),
            )


def _check_versions() -> Iterator[Finding]:
    installed: dict[str, Distribution] = {}
    for distribution in distributions():
        installed.setdefault(_normalised_name(distribution), distribution)  # Python imports the first one on sys.path
    for name, distribution in sorted(installed.items()):
        for text in (distribution.requires or ()) if _is_relevant(name) else ():
            requirement = Requirement(text)
            other = installed.get(canonicalize_name(requirement.name))
            if other is None or not _is_relevant(_normalised_name(other)) or not _is_required(requirement):
                continue
            if not requirement.specifier.contains(other.version, prereleases=True):
                yield found(
                    "versions-conflict",
                    name=name,
                    version=distribution.version,
                    requirement=f"{requirement.name}{requirement.specifier}",
                    found=other.version,
                    python=interpreter(),
                )


def _check_set_up(target: Target) -> Iterator[Finding]:
    import_application(target)
    # Until code sets a provider, get_meter_provider() returns a proxy of the API.
    provided = type(get_meter_provider()).__module__.startswith("opentelemetry.sdk")
    if provided and target.command and target.zero_code:
        yield found("provider-twice", app=target.app)
    if not target.zero_code and not RecmonInstrumentor().is_instrumented_by_opentelemetry:
        yield found("nothing-instruments", app=target.app)


def _is_required(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _is_relevant(name: str) -> bool:
    # Only these packages must be of the same release. Conflicts among other packages do not affect telemetry.
    return name == OURS or name.startswith("opentelemetry-")


def _normalised_name(distribution: Distribution) -> str:
    return canonicalize_name(distribution.metadata["Name"] or "")


def _module(entry: EntryPoint) -> str:
    return entry.value.partition(".")[0].partition(":")[0]


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "an unknown package"


def _load_error(entry: EntryPoint) -> Exception | None:
    try:
        entry.load()
    except Exception as error:  # noqa: BLE001 - OpenTelemetry meets the same exception, of any type
        return error
    return None


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
