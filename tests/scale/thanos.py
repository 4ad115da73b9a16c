"""A Thanos cluster on this machine: the files in deploy/thanos/, with the addresses of free ports."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from otel_recmon.stack import Component
from otel_recmon.stack.ports import LOOPBACK, free_port
from tests.scale.programs import DEPLOY, Programs

FILES = DEPLOY / "thanos"
RECEIVERS = tuple(
    endpoint["address"] for endpoint in json.loads((FILES / "hashrings.json").read_text())[0]["endpoints"]
)
"""The addresses of the receivers, as the shipped file has them."""


@dataclass
class Thanos:
    """Three receivers, the routers before them and the query side behind them.

    Attributes:
        receivers: the receivers' processes.
        url: where to query.
    """

    programs: Programs
    receivers: list[Component] = field(init=False)
    url: str = field(init=False)

    def __post_init__(self) -> None:
        """Start the receivers and the query side."""
        self._addresses = {shipped: _address(free_port()) for shipped in RECEIVERS}
        self._hashrings, self._endpoints = self._file("hashrings.json"), self._file("endpoints.yml")
        self.receivers = [self._receiver(shipped) for shipped in RECEIVERS]
        self.url = f"http://{self._query()}"

    def router(self, name: str) -> str:
        """Start a router, and return where a gateway sends to."""
        write = free_port()
        self._start(
            f"router-{name}",
            ["receive", f"@{FILES / 'router.args'}", f"--receive.hashrings-file={self._hashrings}"],
            {**_receive_ports(), "--grpc-address": free_port(), "--remote-write.address": write},
        )
        return f"http://{LOOPBACK}:{write}/api/v1/otlp"

    def _receiver(self, shipped: str) -> Component:
        name = shipped.partition(":")[0]
        here = self._addresses[shipped]
        arguments = [
            "receive",
            f"@{FILES / 'receive.args'}",
            f'--label=replica="{name}"',
            f"--tsdb.path={self.programs.folder / name}",
            f"--receive.local-endpoint={here}",
            f"--grpc-address={here}",
        ]
        return self._start(name, arguments, {**_receive_ports(), "--remote-write.address": free_port()})

    def _query(self) -> str:
        arguments = ["query", f"@{FILES / 'query.args'}", f"--endpoint.sd-config-file={self._endpoints}"]
        query = self._start("query", arguments, {"--http-address": free_port(), "--grpc-address": free_port()})
        return _address(query.port)

    def _start(self, name: str, arguments: list[str], ports: dict[str, int]) -> Component:
        addresses = [f"{flag}={_address(port)}" for flag, port in ports.items()]
        return self.programs.start(name, ["thanos", *arguments, *addresses], ports["--http-address"], "/-/ready")

    def _file(self, name: str) -> Path:
        """The shipped file, with the receivers' addresses on this machine."""
        text = (FILES / name).read_text(encoding="utf-8")
        for shipped, here in self._addresses.items():
            assert shipped in text
            text = text.replace(shipped, here)
        path = self.programs.folder / name
        path.write_text(text, encoding="utf-8")
        return path


def _address(port: int) -> str:
    return f"{LOOPBACK}:{port}"


def _receive_ports() -> dict[str, int]:
    # Thanos listens for Cap'n Proto even where the receivers do not talk it.
    return {"--http-address": free_port(), "--receive.capnproto-address": free_port()}
