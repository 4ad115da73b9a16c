"""A stand-in for Grafana's HTTP API: what is provisioned in it, with the shapes and status codes of Grafana 13."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from otel_recmon.stack.ports import LOOPBACK

PROVISIONED = Path(__file__).parents[2] / "grafana"
TOKEN = "glsa_test"
_DENIED = {"accessErrorId": "ACE0", "message": "You'll need additional permissions", "title": "Access denied"}
_UNKNOWN = {
    "extra": None,
    "message": "Invalid API key",
    "messageId": "api-key.invalid",
    "statusCode": 401,
    "traceID": "",
}
_DURATION = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Grafana:
    """What is provisioned: as the package ships it, until a test takes something away."""

    def __init__(self) -> None:
        self.url = ""
        self.denied = ""
        """What the paths begin with that the token may not read."""
        self.health = "OK"
        (self.source, *_) = yaml.safe_load(_text("provisioning/datasources/recmon.yaml"))["datasources"]
        self.boards = {path.stem: json.loads(path.read_text()) for path in (PROVISIONED / "dashboards").glob("*.json")}
        (group,) = json.loads(_text("provisioning/alerting/recmon-rules.json"))["groups"]
        self.rules = {rule["uid"]: _stored(rule) for rule in group["rules"]}
        notifications = json.loads(_text("provisioning/alerting/recmon-notifications.json"))
        self.points = [_point(point) for point in notifications["contactPoints"]]
        (self.policy,) = notifications["policies"]

    def answer(self, path: str, token: str | None) -> tuple[int, Any]:
        """Return the status and the content of the answer to a path below /api/."""
        if path == "health":  # which needs no token
            return HTTPStatus.OK, {"commit": "0", "database": "ok", "version": "13.1.0"}
        if token != f"Bearer {TOKEN}":
            return HTTPStatus.UNAUTHORIZED, _UNKNOWN
        if self.denied and path.startswith(self.denied):
            return HTTPStatus.FORBIDDEN, _DENIED
        return self._content(path)

    def _content(self, path: str) -> tuple[int, Any]:
        source = f"datasources/uid/{self.source['uid']}"
        if path == f"{source}/health":
            status = HTTPStatus.OK if self.health == "OK" else HTTPStatus.BAD_REQUEST
            return status, {"status": self.health, "message": "connect: connection refused"}
        uid = path.removeprefix("dashboards/uid/")
        if uid in self.boards:
            meta = {"provisioned": True, "provisionedExternalId": f"{uid}.json", "slug": uid, "version": 3}
            return HTTPStatus.OK, {"dashboard": {**self.boards[uid], "id": 7, "version": 3}, "meta": meta}
        content = {
            source: {"id": 1, "readOnly": True, **self.source},
            "v1/provisioning/alert-rules": list(self.rules.values()),
            "v1/provisioning/contact-points": self.points,
            "v1/provisioning/policies": self.policy,
        }
        return (HTTPStatus.OK, content[path]) if path in content else (HTTPStatus.NOT_FOUND, {"message": "Not found"})


def _text(name: str) -> str:
    return (PROVISIONED / name).read_text(encoding="utf-8")


def _stored(rule: dict[str, Any]) -> dict[str, Any]:
    """Return a rule as Grafana gives it back: with more in its queries, and durations in Prometheus's way."""
    data = [
        {**part, "queryType": "", "model": {**part["model"], "intervalMs": 1000, "maxDataPoints": 43200}}
        for part in rule["data"]
    ]
    added = {"id": 1, "orgID": 1, "folderUID": "folder", "ruleGroup": "recmon", "provenance": "file"}
    return {**rule, **added, "data": data, "for": _duration(rule["for"]), "notification_settings": None}


def _duration(text: str) -> str:
    seconds = sum(int(count) * _UNITS[unit] for count, unit in _DURATION.findall(text))
    parts = []
    for unit in "dhms":
        count, seconds = divmod(seconds, _UNITS[unit])
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0s"


def _point(point: dict[str, Any]) -> dict[str, Any]:
    (receiver,) = point["receivers"]
    settings = {**receiver["settings"], "url": "[REDACTED]"}
    return {**receiver, "name": point["name"], "settings": settings, "provenance": "file"}


@contextmanager
def grafana_standin() -> Iterator[Grafana]:
    """Run the stand-in on a port the system hands out."""
    grafana = Grafana()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content = grafana.answer(self.path.removeprefix("/api/"), self.headers["Authorization"])
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        grafana.url = f"http://{LOOPBACK}:{server.server_port}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        try:
            yield grafana
        finally:
            server.shutdown()
