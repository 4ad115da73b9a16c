"""The reference of recmon.toml: docs/recmon-toml.md, and a template with all settings commented out."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from inspect import cleandoc
from typing import Any, Final

from otel_recmon.artifacts.docs.reference import HEADER, table
from otel_recmon.artifacts.settings.deployment import LABELS, PARTS, SECTIONS, Deployment
from otel_recmon.artifacts.settings.schema import expected_value, key_of
from otel_recmon.artifacts.settings.thresholds import (
    Baseline,
    Experiments,
    General,
    NotificationTiming,
    Tuning,
    shipped,
)

EXAMPLE_LABEL: Final = ("team", "recommendations")


@dataclass(frozen=True)
class SettingsSection:
    """One table of recmon.toml, or several tables with the same settings.

    Attributes:
        kind: The dataclass with the settings.
        tables: The default settings of each table, by the name of the table.
    """

    kind: type[Any]
    tables: Mapping[str, Mapping[str, Any]]

    @property
    def about(self) -> str:
        """The description of the section."""
        return cleandoc(self.kind.__doc__ or "")


def sections() -> dict[str, SettingsSection]:
    """Return all sections except `[labels]`, by their names in the documentation."""
    defaults = shipped()
    deployment = {name: SettingsSection(kind, {name: _defaults(kind)}) for name, kind in SECTIONS.items()}
    alerts = {f"alerts.{name}": values for name, values in defaults["alerts"].items()}
    timing = {f"pace.{name}": values for name, values in defaults["pace"].items()}
    return {
        "export": deployment.pop("export"),
        "services": deployment.pop("services"),
        "general": SettingsSection(General, {"general": {**_defaults(General), **defaults["general"]}}),
        "baseline": SettingsSection(Baseline, {"baseline": defaults["baseline"]}),
        "experiments": SettingsSection(Experiments, {"experiments": defaults["experiments"]}),
        "alerts.NAME": SettingsSection(Tuning, alerts),
        "pace.SEVERITY": SettingsSection(NotificationTiming, timing),
        **deployment,
    }


def _defaults(kind: type[Any]) -> dict[str, Any]:
    known = {key_of(spec): _default(spec) for spec in fields(kind)}
    return {key: value for key, value in known.items() if value is not MISSING}


def _default(spec: Field[Any]) -> Any:
    return spec.default if spec.default_factory is MISSING else spec.default_factory()


def template() -> str:
    """Return a recmon.toml with all settings commented out, so that it changes nothing."""
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
    """Yield the lines of the tables of a section. Only the first line with a key describes the key."""
    yield "\n".join(f"# {line}".rstrip() for line in section.about.splitlines()) + "\n"
    described: set[str] = set()
    for name, values in section.tables.items():
        yield f"[{name}]"
        for spec in fields(section.kind):
            key = key_of(spec)
            if key in values:
                yield f"#{key} = {toml(values[key])}" + ("" if key in described else f"  # {_brief(spec)}")
                described.add(key)
            elif key == "threshold":
                yield f"# {key}: no default fits every service; set one to enable the alert"
        yield ""


def toml(value: Any) -> str:
    """Return a value in TOML."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str) and '"' in value:
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False)


def settings_page(formats: Mapping[str, Sequence[str]]) -> str:
    """Return docs/recmon-toml.md.

    Args:
        formats: The parts that can be exported in each format, by the name of the format.
    """
    parts = [
        (f"`{part}`", brief, ", ".join(name for name, there in formats.items() if part in there))
        for part, brief in PARTS.items()
    ]
    return "\n".join(
        (
            HEADER,
            _INTRODUCTION,
            "## Parts of an export\n",
            table(("part", "content", "formats"), parts),
            _PARTS,
            "## Settings\n",
            _SETTINGS,
            f"### `[{LABELS}]`\n",
            f"{_LABELS_ABOUT}\n",
            *(_documented(name, section) for name, section in sections().items()),
        )
    )


def _documented(name: str, section: SettingsSection) -> str:
    single = len(section.tables) == 1
    head = ("setting", "meaning", "value", *(("default",) if single else ()))
    (values, *_) = section.tables.values()
    rows = [
        (
            f"`{key_of(spec)}`",
            _brief(spec),
            expected_value(spec),
            *((_shown(values[key_of(spec)]),) if single else ()),
        )
        for spec in fields(section.kind)
    ]
    return f"### `[{name}]`\n\n{section.about}\n\n{_EXAMPLES.get(name, '')}{table(head, rows)}"


def _shown(value: Any) -> str:
    return f"`{toml(value)}`" if value not in ("", (), {}) else "none"


_BEGINNING: Final = """\
# Settings of `otel-recmon export`. Every setting below has its default value. To change a setting, remove the # at the
# start of its line and change the value. You may delete all other lines. docs/recmon-toml.md lists the accepted values.
"""
_INTRODUCTION: Final = """\
# Settings of an export: recmon.toml

`otel-recmon export` writes the dashboards, alerts, rules and configuration files of this repository, but with your
settings. You need only the package, not the repository:

```console
pip install 'otel-recmon[cli]'
otel-recmon export --print-defaults > recmon.toml    # all settings, explained and commented out
otel-recmon export --config recmon.toml --out deploy/
otel-recmon export --config recmon.toml --out deploy/ --check    # for CI: exit code 1 if a file in deploy/ is outdated
```

An example:

```toml
[services]
selector = 'job=~"shop/.*", cluster="eu"'   # only these services

[labels]
team = "recommendations"                    # a label of every alert

[general]
runbook = "https://wiki.example/recommender-runbook"
grafana = "https://grafana.example"

[grafana]
datasource = "mimir-eu"

[alerts.LatencyHigh]
threshold = 0.3                             # seconds
severity = "warning"
```

A setting that recmon.toml does not contain keeps its default. If recmon.toml is empty, the exported files are exactly
the files of this repository. The same settings produce the same bytes on every machine.

An unknown key is an error, and the message suggests the most similar known key. A value that is not accepted is an
error, too, and the message describes the accepted values. After an error, the command writes no files and exits with
code 2.

The export records the SHA-256 of each written file in `.otel-recmon-export`, in the format of `sha256sum`. Commit
this file together with the exported files:

- **Changed files.** Without `--force`, the export does not overwrite a file that you changed, or a file that existed
  before the first export.
- **Removed files.** The export never deletes a file. It lists the files that it no longer writes; delete them yourself.
- **Renamed alerts.** Grafana keeps an alert even if the exported files no longer contain its uid. After a change of
  `grafana.uid_prefix`, delete the old alerts in Grafana.
"""
_PARTS: Final = """\
To export only some parts, use `--only dashboards,alerts` or the setting `export.parts`.

Export the alerts either for Grafana or for Prometheus. If you export them for both, every message comes twice. By
default, Grafana evaluates the alerts. To let Prometheus evaluate them, set `prometheus.alerting = true` and leave out
the parts `alerts` and `notifications`.

Grafana has one notification policy for each organisation, and the part `notifications` replaces this policy. To keep
your policy, leave out the part `notifications`. Then either route the alerts by their label `severity` in your policy,
or set `notifications.contact_point` to one of your contact points.

### Kubernetes

```console
otel-recmon export --config recmon.toml --format kubernetes --out manifests/
kubectl apply --server-side -f manifests/
```

- **Dashboards, data sources, alerts and contact points** become ConfigMaps. The sidecar of Grafana's Helm chart finds
  them by a label. To put the dashboards into their folder, set `sidecar.dashboards.folderAnnotation: grafana_folder`
  and `sidecar.dashboards.provider.foldersFromFilesStructure: true` in the values of the chart. Grafana also needs the
  environment variables that [slack.md](slack.md) lists.
- **Rules** become a `PrometheusRule` for the Prometheus operator. It contains the alerting rules only if
  `prometheus.alerting` is true. The operator selects rules by a label, often `release = "kube-prometheus-stack"`. Add
  this label to `kubernetes.labels`.
- **Server-side apply** is necessary: otherwise `kubectl apply` copies each object into an annotation, and the alerts
  are too large for an annotation. In Argo CD, set `ServerSideApply=true`.
"""
_SETTINGS: Final = """\
A duration is a number and a unit: `s`, `m`, `h`, `d` or `w`. The default `none` means an empty string, an empty list or
an empty table.
"""
_LABELS_ABOUT: Final = (
    f"Labels that every alert gets. Every dashboard gets them as tags. Each key is a label name: "
    f"`{EXAMPLE_LABEL[0]} = {toml(EXAMPLE_LABEL[1])}`."
)
_EXAMPLES: Final = {
    "alerts.NAME": """\
NAME is the name of an alert, such as `[alerts.CtrLow]`. [alerts.md](alerts.md) lists all alerts with their defaults.
An alert accepts `threshold` and all settings for which it has a default, but no other settings.

""",
    "pace.SEVERITY": """\
SEVERITY is `critical`, `warning`, `info` or `watchdog`. `[pace.watchdog]` is for the calls of the dead man's switch.
The name of each setting in Alertmanager is in parentheses. [slack.md](slack.md#frequency) lists the defaults.

```toml
[pace.critical]
repeat = "30m"
```

""",
}
"""Further text of a section, by the name of the section."""
