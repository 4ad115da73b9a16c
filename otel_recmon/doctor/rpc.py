"""An export of nothing over gRPC."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

METHOD: Final = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
_NOTHING: Final = b""
"""An export request without a metric, in protobuf."""


@dataclass(frozen=True)
class Answer:
    """The name of a status of gRPC, such as OK or UNAVAILABLE, and what was said with it."""

    status: str
    words: str


@dataclass(frozen=True)
class Certificates:
    """Files for TLS; empty for none of one's own."""

    authority: str = ""
    key: str = ""
    chain: str = ""

    def credentials(self, grpc: Any) -> Any:
        """Return them as gRPC wants them.

        Raises:
            OSError: One of them cannot be read.
        """
        files = (Path(name).read_bytes() if name else None for name in (self.authority, self.key, self.chain))
        return grpc.ssl_channel_credentials(*files)


def export(target: str, headers: Mapping[str, str], timeout_s: float, secure: Certificates | None) -> Answer:
    """Return what a receiver at ``host:port`` answers.

    Raises:
        ImportError: gRPC is not installed.
        OSError: A certificate cannot be read.
    """
    import grpc  # noqa: PLC0415 - it is installed where a service exports over it

    made = grpc.secure_channel(target, secure.credentials(grpc)) if secure else grpc.insecure_channel(target)
    with made as channel:
        try:
            channel.unary_unary(METHOD)(_NOTHING, timeout=timeout_s, metadata=tuple(headers.items()))
        except grpc.RpcError as error:
            return Answer(error.code().name, " ".join((error.details() or "").split()))
    return Answer("OK", "")
