"""All that may be set, as people read it: a file to begin with, and docs/recmon-toml.md."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any, Final

from otel_recmon.artifacts.docs.reference import HEADER, table
from otel_recmon.artifacts.settings.deployment import LABELS, PARTS, SECTIONS, Deployment
from otel_recmon.artifacts.settings.schema import expected, key_of
from otel_recmon.artifacts.settings.thresholds import Baseline, General, Pace, Tuning, shipped

EXAMPLE_LABEL: Final = ("team", "recommendations")


@dataclass(frozen=True)
class SettingsSection:
    """A table of the file, or several alike: its settings, and the defaults of each table by its name."""

    kind: type[Any]
    tables: Mapping[str, Mapping[str, Any]]

    @property
    def about(self) -> str:
        """What it is for, in a sentence."""
        return (self.kind.__doc__ or "").strip().splitlines()[0]


def sections() -> dict[str, SettingsSection]:
    """Return all tables but that of labels, by what they are called in the documentation."""
    alerts = shipped()
    deployment = {name: SettingsSection(kind, {name: _defaults(kind)}) for name, kind in SECTIONS.items()}
    return {
        "export": deployment.pop("export"),
        "services": deployment.pop("services"),
        "general": SettingsSection(General, {"general": {**_defaults(General), **alerts["general"]}}),
        "baseline": SettingsSection(Baseline, {"baseline": alerts["baseline"]}),
        "alerts.NAME": SettingsSection(Tuning, {f"alerts.{name}": values for name, values in alerts["alerts"].items()}),
        "pace.SEVERITY": SettingsSection(Pace, {f"pace.{name}": values for name, values in alerts["pace"].items()}),
        **deployment,
    }


def _defaults(kind: type[Any]) -> dict[str, Any]:
    known = {key_of(spec): _default(spec) for spec in fields(kind)}
    return {key: value for key, value in known.items() if value is not MISSING}


def _default(spec: Field[Any]) -> Any:
    return spec.default if spec.default_factory is MISSING else spec.default_factory()


def template() -> str:
    """Return a file with everything that may be set, commented out: as it is, it sets nothing."""
    return "\n".join([_BEGINNING, *_labels(), *(line for section in sections().values() for line in _lines(section))])


def _labels() -> Iterator[str]:
    key, value = EXAMPLE_LABEL
    yield f"[{LABELS}]  # {_brief(_labels_field())}\n#{key} = {toml(value)}\n"


def _labels_field() -> Field[Any]:
    (spec,) = (spec for spec in fields(Deployment) if spec.name == LABELS)
    return spec


def _brief(spec: Field[Any]) -> str:
    return str(spec.metadata["brief"])


def _lines(section: SettingsSection) -> Iterator[str]:
    """Yield the lines of some tables: what a key means is said at the first one that has it."""
    yield f"# {section.about}\n"
    said: set[str] = set()
    for name, values in section.tables.items():
        yield f"[{name}]"
        for spec in fields(section.kind):
            key = key_of(spec)
            if key in values:
                yield f"#{key} = {toml(values[key])}" + ("" if key in said else f"  # {_brief(spec)}")
                said.add(key)
            elif key == "threshold":
                yield f"# {key}: there is none that fits all, so say yours and enable it"
        yield ""


def toml(value: Any) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str) and '"' in value:
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False)


def settings_page(forms: Mapping[str, Sequence[str]]) -> str:
    """Return docs/recmon-toml.md.

    Args:
        forms: The parts that can be exported in each form, by the name of the form.
    """
    parts = [
        (f"`{part}`", brief, ", ".join(form for form, there in forms.items() if part in there))
        for part, brief in PARTS.items()
    ]
    return "\n".join(
        (
            HEADER,
            _INTRODUCTION,
            "## Parts\n",
            table(("part", "what it is", "forms"), parts),
            _PARTS,
            f"## `[{LABELS}]`\n",
            f"{_brief(_labels_field()).capitalize()}: `{EXAMPLE_LABEL[0]} = {toml(EXAMPLE_LABEL[1])}`.\n",
            *(_documented(name, section) for name, section in sections().items()),
        )
    )


def _documented(name: str, section: SettingsSection) -> str:
    single = len(section.tables) == 1
    head = ("setting", "meaning", "value", *(("default",) if single else ()))
    (values, *_) = section.tables.values()
    rows = [
        (f"`{key_of(spec)}`", _brief(spec), expected(spec), *((_shown(values[key_of(spec)]),) if single else ()))
        for spec in fields(section.kind)
    ]
    return f"## `[{name}]`\n\n{section.about}\n\n{table(head, rows)}"


def _shown(value: Any) -> str:
    return f"`{toml(value)}`" if value not in ("", (), {}) else "none"


_BEGINNING: Final = """\
# Settings of `otel-recmon export`. Each shows its default: take away the # in front of those that you change, and
# leave out the rest. docs/recmon-toml.md says what values they take.
"""
_INTRODUCTION: Final = """\
# What is exported: recmon.toml

`otel-recmon export` writes the dashboards, alerts, rules and configurations of this repository with settings of your
own, from the package alone:

```console
pip install 'otel-recmon[cli]'
otel-recmon export --print-defaults > recmon.toml    # everything that may be set, with its meaning, commented out
otel-recmon export --config recmon.toml --out deploy/
otel-recmon export --config recmon.toml --out deploy/ --check    # in CI: 1 where deploy/ is not what it would write
```

```toml
[services]
selector = 'job=~"shop/.*", cluster="eu"'

[labels]
team = "recommendations"

[general]
runbook = "https://wiki.example/recommender-runbook"
grafana = "https://grafana.example"

[grafana]
datasource = "mimir-eu"

[alerts.LatencyHigh]
threshold = 0.3
severity = "warning"
```

What the file does not name stays as it is shipped: an empty file exports the files of this repository, byte for byte. A
key that is not known is refused with the nearest one that is, a value that cannot be used with what is expected, and
nothing is written; the exit code is then 2. The same settings give the same bytes on every machine.

A file that was changed since it was exported, or was there before, is not overwritten but with `--force`. Nothing is
deleted: what is no longer exported is named. `.otel-recmon-export` in the folder keeps what was written, as `sha256sum`
has it; commit it with the rest. Grafana keeps alerts whose uid is gone from the file: after a new `grafana.uid_prefix`,
delete the old ones there.
"""
_PARTS: Final = """\
`--only dashboards,alerts`, or `parts` in the file, chooses some of them. Take Grafana's alerts or those of Prometheus,
not both, or each comes twice: for Prometheus set `prometheus.alerting = true` and leave out `alerts` and
`notifications`.

The notification policy replaces the one that Grafana has. Where yours is to stay, leave out `notifications` and lead
alerts by their label `severity`, or name a contact point of your own in `notifications.contact_point`.

### In Kubernetes

```console
otel-recmon export --config recmon.toml --format kubernetes --out manifests/
kubectl apply --server-side -f manifests/
```

Each dashboard is a ConfigMap that the sidecar of Grafana's Helm chart finds by its label, the same for alerts, contact
points and data sources. The annotation for the folder needs `sidecar.dashboards.folderAnnotation: grafana_folder` and
`sidecar.dashboards.provider.foldersFromFilesStructure: true` in the chart's values; Grafana itself needs the variables
of [slack.md](slack.md). The rules are a `PrometheusRule` for the operator of Prometheus, with the alerting rules where
`prometheus.alerting` is set; `kubernetes.labels` gets the label that it selects rules by, often
`release = "kube-prometheus-stack"`. The alerts are too large for what `kubectl apply` keeps of an object without
`--server-side`; Argo CD has `ServerSideApply=true`.
"""
