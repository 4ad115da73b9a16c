"""How much of its throughput does a traced service keep with otel-recmon?

One FastAPI endpoint that returns 10 items, once empty and once after 5 ms of work: traced without the plugin, with
it, with it where orjson is not installed, and with prometheus-fastapi-instrumentator instead. Each has a process of
its own; short rounds take turns, so that a slow moment of the machine meets all of them, and each round is compared
with the plain one beside it. The same code is up to a tenth faster in one process than in another, by where its
memory happens to lie, so that each has several, one after the other.
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

from benchmarks.processor import seconds_of

PLAIN = "traced, without the plugin"
PEERS = (PLAIN, "otel-recmon", "otel-recmon without orjson", "prometheus-fastapi-instrumentator")
ROUNDS = 2
"""Of each process."""
CONCURRENCY = 4


@dataclass(frozen=True)
class Kind:
    """An endpoint, how much it is asked in a round, and in how many processes, which differ by several percent."""

    path: str
    requests: int
    processes: int
    target: int
    """Percent of its throughput that it is to keep."""


KINDS = {
    "empty": Kind("/recommendations/7", 1_000, 14, 88),
    "working for 5 ms": Kind("/working/recommendations/7", 160, 10, 98),
}


@dataclass
class Rounds:
    """What the rounds of a peer have shown, in all of its processes."""

    per_second: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)


@dataclass
class Server:
    """A running service."""

    pid: int
    url: str

    def cpu_seconds(self) -> float:
        """Return the processor time that the process has used, by the kernel's account."""
        return seconds_of(self.pid)


@contextmanager
def serving(peer: str) -> Iterator[Server]:
    """Serve the endpoint in a process of its own."""
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
    """Send requests from a few clients and return the seconds each took."""
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
    """Run one round against one server."""
    cpu, start = server.cpu_seconds(), time.perf_counter()
    took = asyncio.run(load(server.url + path, requests))
    rounds.per_second.append(len(took) / (time.perf_counter() - start))
    rounds.cpu.append((server.cpu_seconds() - cpu) / len(took) * 1e6)
    rounds.p99.append(statistics.quantiles(took, n=100)[98] * 1e3)


def show(kind: str, seen: dict[str, Rounds]) -> None:
    """Print the medians of all rounds, and each round's share of the plain one beside it."""
    plain, asked = seen[PLAIN], KINDS[kind]
    print(f"\nan endpoint that is {kind}, median of {asked.processes * ROUNDS} rounds of {asked.requests} requests")
    for peer, rounds in seen.items():
        kept = _paired(rounds.per_second, plain.per_second, lambda ours, theirs: 100 * ours / theirs)
        cpu = _paired(rounds.cpu, plain.cpu, lambda ours, theirs: ours - theirs)
        p99 = _paired(rounds.p99, plain.p99, lambda ours, theirs: ours - theirs)
        target = f"  target {asked.target} %" if peer == "otel-recmon" else ""
        print(
            f"{peer:34} {statistics.median(rounds.per_second):7.0f}/s  keeps {kept:5.1f} %"
            f"  CPU {statistics.median(rounds.cpu):6.0f} us ({cpu:+5.0f})  p99 {p99:+5.2f} ms{target}"
        )


def _paired(ours: list[float], plain: list[float], compare: Callable[[float, float], float]) -> float:
    return statistics.median(compare(our, their) for our, their in zip(ours, plain, strict=True))


def take_turns(seen: dict[str, Rounds], kind: Kind) -> None:
    """Run the rounds of one process of each peer."""
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
            take_turns(seen, kind)
        print(file=sys.stderr)
        show(name, seen)


if __name__ == "__main__":
    main()
