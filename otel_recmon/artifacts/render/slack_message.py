"""The templates of the Slack message for a group of alerts. Grafana and Alertmanager use the same message."""

import re
from typing import Final

from otel_recmon.artifacts.alerts.rule import SUBJECTS, subject
from otel_recmon.artifacts.settings.thresholds import SEVERITIES

TITLE: Final = '{{ template "recmon.slack.title" . }}'
TEXT: Final = '{{ template "recmon.slack.text" . }}'
COLOR: Final = '{{ template "recmon.slack.color" . }}'
LISTED: Final = 20
"""The maximum number of firing alerts that a message lists, and separately the maximum number of resolved alerts.

The title of the message has the number of all firing alerts and the number of all resolved alerts.
"""
_ICONS_AND_COLORS: Final = {
    "critical": ("🚨", "#d63232"),
    "warning": ("⚠️", "#e8a33d"),
    "info": ("ℹ️", "#4a90d9"),  # noqa: RUF001 - Slack shows this character as an icon
}
_RESOLVED: Final = ("✅", "#36a64f")


def grafana_templates() -> str:
    """Return the templates for Grafana. Grafana provides the links to panels and silences."""
    return _templates(panel=".PanelURL", silence='{{ template "recmon.escaped" .SilenceURL }}')


def alertmanager_templates() -> str:
    """Return the templates for Alertmanager. The link to a panel comes from the annotations of the alert."""
    return _templates(panel=".Annotations.panel_url", silence=_SILENCE)


def _templates(panel: str, silence: str) -> str:
    parts = {
        "icons": _by_severity({severity: icon for severity, (icon, _) in _ICONS_AND_COLORS.items()}, "🔔"),
        "names": _by_severity({severity: severity.capitalize() for severity in SEVERITIES}, "Alerts"),
        "colors": _by_severity({severity: color for severity, (_, color) in _ICONS_AND_COLORS.items()}, "#888888"),
        "resolved_icon": _RESOLVED[0],
        "resolved_color": _RESOLVED[1],
        "subject": subject(SUBJECTS, '{{ template "recmon.escaped" . }}'),
        "panel": panel,
        "silence": silence,
        "listed": str(LISTED),
    }
    return re.sub("@([a-z_]+)@", lambda found: parts[found[1]], _TEMPLATES)


def _by_severity(texts: dict[str, str], otherwise: str) -> str:
    cases = " else ".join(
        f'if eq .CommonLabels.severity "{severity}" }}}}{text}{{{{' for severity, text in texts.items()
    )
    return f"{{{{ {cases} else }}}}{otherwise}{{{{ end }}}}"


def _quoted(value: str) -> str:
    """Return the template that writes a label value, in quotes, into the URL of a silence."""
    # urlquery writes a space as "+". After the "#" of a URL, the web page of Alertmanager reads "+" as a plus sign.
    return f'{{{{ printf "%q" {value} | urlquery | reReplaceAll "[+]" "%20" }}}}'


_SILENCE: Final = (
    f"{{{{ $.ExternalURL }}}}/#/silences/new?filter=%7Balertname%3D{_quoted('.Labels.alertname')}"
    '{{ range (.Labels.Remove (stringSlice "alertname")).SortedPairs }}'
    f"%2C{{{{ .Name }}}}%3D{_quoted('.Value')}{{{{ end }}}}%7D"
)
# Label values can come from requests. The templates escape them, so that a label value cannot mention people, show a
# link, or imitate another alert after a line break.
_TEMPLATES: Final = """\
{{ define "recmon.escaped" }}\
{{ . | reReplaceAll "[[:space:]]+" " " | reReplaceAll "&" "&amp;" \
| reReplaceAll "<" "&lt;" | reReplaceAll ">" "&gt;" }}\
{{ end }}
{{ define "recmon.icon" }}@icons@{{ end }}
{{ define "recmon.severity" }}@names@{{ end }}
{{ define "recmon.subject" }}@subject@{{ end }}
{{ define "recmon.name" }}\
*{{ template "recmon.escaped" .Labels.alertname }}\
{{ with .Labels.rulename }} of {{ template "recmon.escaped" . }}{{ end }}*\
{{ end }}
{{ define "recmon.time" }}{{ .UTC.Format "2 Jan 15:04 UTC" }}{{ end }}
{{ define "recmon.panel" }}\
{{ if match "^https?://" . }} · <{{ template "recmon.escaped" . }}|Panel>{{ end }}\
{{ end }}
{{ define "recmon.runbook" }}\
{{ if match "^https?://" . }} · <{{ template "recmon.escaped" . }}|Runbook>\
{{ else if . }} · Runbook: {{ template "recmon.escaped" . }}{{ end }}\
{{ end }}
{{ define "recmon.firing" }}• {{ template "recmon.name" . }} \
{{ with .Annotations.summary }}{{ template "recmon.escaped" . }}\
{{ else }}{{ template "recmon.subject" . }}{{ end }}
      {{ with .Annotations.value }}{{ template "recmon.escaped" . }} {{ end }}\
{{ with .Annotations.threshold }}(fires at {{ template "recmon.escaped" . }}) {{ end }}\
since {{ template "recmon.time" .StartsAt }}\
{{ end }}
{{ define "recmon.resolved" }}• {{ template "recmon.name" . }} {{ template "recmon.subject" . }}
      from {{ template "recmon.time" .StartsAt }} to {{ template "recmon.time" .EndsAt }}\
{{ end }}
{{ define "recmon.slack.color" }}\
{{ if .Alerts.Firing }}@colors@{{ else }}@resolved_color@{{ end }}\
{{ end }}
{{ define "recmon.slack.title" }}\
{{ if .Alerts.Firing }}{{ template "recmon.icon" . }}{{ else }}@resolved_icon@{{ end }} \
{{ template "recmon.severity" . }}: \
{{ with .Alerts.Firing }}{{ len . }} firing{{ end }}\
{{ if .Alerts.Firing }}{{ if .Alerts.Resolved }}, {{ end }}{{ end }}\
{{ with .Alerts.Resolved }}{{ len . }} resolved{{ end }}\
{{ end }}
{{ define "recmon.slack.text" }}\
{{ range $place, $alert := .Alerts.Firing }}\
{{ if lt $place @listed@ }}{{ template "recmon.firing" . }}\
{{ template "recmon.panel" @panel@ }}{{ template "recmon.runbook" .Annotations.runbook_url }} \
· <@silence@|Silence>
{{ else if eq $place @listed@ }}Only @listed@ are listed.
{{ end }}{{ end }}\
{{ if .Alerts.Firing }}{{ if .Alerts.Resolved }}@resolved_icon@ Resolved:
{{ end }}{{ end }}\
{{ range $place, $alert := .Alerts.Resolved }}\
{{ if lt $place @listed@ }}{{ template "recmon.resolved" . }}\
{{ template "recmon.panel" @panel@ }}{{ template "recmon.runbook" .Annotations.runbook_url }}
{{ else if eq $place @listed@ }}Only @listed@ are listed.
{{ end }}{{ end }}\
{{ end }}
"""
