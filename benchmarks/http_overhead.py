"""The share of its throughput that a traced service keeps with otel-recmon.

Measures a FastAPI endpoint that returns 10 items, without other work and after 5 ms of work. Compares four peers:
traced without the plugin, with the plugin, with the plugin but without orjson, and with
prometheus-fastapi-instrumentator. Each peer runs in a separate process. Short rounds alternate between the peers, so
that a slow moment of the machine affects all peers. Each round is compared with the neighbouring round without the
plugin. The same code is up to 10 % faster in one process than in another, depending on the memory layout. So each peer
is measured in several processes, one after the other.
"""

import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import aiohttp

from benchmarks.cpu_time import cpu_seconds

PLAIN = "traced, without the plugin"
PEERS = (PLAIN, "otel-recmon", "otel-recmon without orjson", "prometheus-fastapi-instrumentator")
ROUNDS = 2
"""The number of rounds of each process."""
CONCURRENCY = 4


@dataclass(frozen=True)
class Kind:
    """An endpoint and its measurement.

    Attributes:
        path: The path of the endpoint.
        requests: The number of requests in one round.
        processes: The number of processes of each peer.
        target: The share of the plain throughput that otel-recmon should keep, in percent.
    """

    path: str
    requests: int
    processes: int
    target: int


KINDS = {
    "without other work": Kind("/recommendations/7", 1_000, 14, 88),
    "with 5 ms of work": Kind("/working/recommendations/7", 160, 10, 98),
}


@dataclass
class Rounds:
    """The results of all rounds of a peer: requests per second, CPU microseconds per request, p99 in ms."""

    per_second: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)


@dataclass
class Server:
    """A running service."""

    pid: int
    url: str

    def cpu_seconds(self) -> float:
        """Return the processor time of the process, in seconds."""
        return cpu_seconds(self.pid)


@contextmanager
def serving(peer: str) -> Iterator[Server]:
    """Serve the endpoint in a new process while the context lasts."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "benchmarks.traced_service:app", "--port", "0", "--no-access-log"],
            env=os.environ | {"PEER": peer},
            stdout=log,
            stderr=log,
        )
        try:
            yield Server(process.pid, _url(process, log.fileno()))
        finally:
            process.terminate()
            process.wait()


def _url(process: "subprocess.Popen[bytes]", log: int) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(rb"running on (http://\S+)", os.pread(log, 100_000, 0))
        if found:
            return found[1].decode()
        time.sleep(0.05)
    sys.exit(f"the service did not start: {os.pread(log, 2_000, 0).decode()}")


async def load(url: str, requests: int) -> list[float]:
    """Send requests from ``CONCURRENCY`` concurrent clients, and return the duration of each request in seconds."""
    took: list[float] = []

    async def client(session: aiohttp.ClientSession) -> None:
        for _ in range(requests // CONCURRENCY):
            start = time.perf_counter()
            async with session.get(url) as answer:
                await answer.read()
            took.append(time.perf_counter() - start)

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(client(session) for _ in range(CONCURRENCY)))
    return took


def measure(server: Server, rounds: Rounds, path: str, requests: int) -> None:
    """Run one round against one server and append its results."""
    cpu, start = server.cpu_seconds(), time.perf_counter()
    took = asyncio.run(load(server.url + path, requests))
    rounds.per_second.append(len(took) / (time.perf_counter() - start))
    rounds.cpu.append((server.cpu_seconds() - cpu) / len(took) * 1e6)
    rounds.p99.append(statistics.quantiles(took, n=100)[98] * 1e3)


def show(kind: str, seen: dict[str, Rounds]) -> None:
    """Print the medians of all rounds, and the medians of the comparisons with the plain rounds."""
    plain, endpoint = seen[PLAIN], KINDS[kind]
    print(f"\nan endpoint {kind}, median of {endpoint.processes * ROUNDS} rounds of {endpoint.requests} requests")
    for peer, rounds in seen.items():
        kept = _paired(rounds.per_second, plain.per_second, lambda ours, theirs: 100 * ours / theirs)
        cpu = _paired(rounds.cpu, plain.cpu, lambda ours, theirs: ours - theirs)
        p99 = _paired(rounds.p99, plain.p99, lambda ours, theirs: ours - theirs)
        target = f"  target {endpoint.target} %" if peer == "otel-recmon" else ""
        print(
            f"{peer:34} {statistics.median(rounds.per_second):7.0f}/s  keeps {kept:5.1f} %"
            f"  CPU {statistics.median(rounds.cpu):6.0f} us ({cpu:+5.0f})  p99 {p99:+5.2f} ms{target}"
        )


def _paired(ours: list[float], plain: list[float], compare: Callable[[float, float], float]) -> float:
    return statistics.median(compare(our, their) for our, their in zip(ours, plain, strict=True))


def run_process_rounds(seen: dict[str, Rounds], kind: Kind) -> None:
    """Start one process of each peer and run their rounds alternately."""
    with ExitStack() as stack:
        servers = {peer: stack.enter_context(serving(peer)) for peer in PEERS}
        for server in servers.values():
            asyncio.run(load(server.url + kind.path, kind.requests))
        for _ in range(ROUNDS):
            for peer, server in servers.items():
                measure(server, seen[peer], kind.path, kind.requests)


def main() -> None:
    """Measure both kinds of endpoint."""
    for name, kind in KINDS.items():
        seen = {peer: Rounds() for peer in PEERS}
        for turn in range(kind.processes):
            print(f"\r{name}: process {turn + 1} of {kind.processes}", end="", file=sys.stderr, flush=True)
            run_process_rounds(seen, kind)
        print(file=sys.stderr)
        show(name, seen)


if __name__ == "__main__":
    main()
