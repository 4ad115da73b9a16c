"""An empty metrics export over gRPC."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

METHOD: Final = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
_EMPTY_EXPORT: Final = b""
"""A protobuf export request without metrics."""


@dataclass(frozen=True)
class GrpcAnswer:
    """A gRPC status: its name, such as OK or UNAVAILABLE, and its details."""

    status: str
    details: str


@dataclass(frozen=True)
class Certificates:
    """The paths of the TLS files: certificate authority, client key, client certificate. Empty is gRPC's default."""

    authority: str = ""
    key: str = ""
    chain: str = ""

    def credentials(self, grpc: Any) -> Any:
        """Return the channel credentials of these files.

        Raises:
            OSError: A file cannot be read.
        """
        files = (Path(name).read_bytes() if name else None for name in (self.authority, self.key, self.chain))
        return grpc.ssl_channel_credentials(*files)


def export(address: str, headers: Mapping[str, str], timeout_s: float, secure: Certificates | None) -> GrpcAnswer:
    """Send an empty export to a receiver at ``host:port``, without TLS if ``secure`` is None. Return the answer.

    Raises:
        ImportError: gRPC is not installed.
        OSError: A certificate cannot be read.
    """
    import grpc  # noqa: PLC0415 - installed only with a service that exports over gRPC

    made = grpc.secure_channel(address, secure.credentials(grpc)) if secure else grpc.insecure_channel(address)
    with made as channel:
        try:
            channel.unary_unary(METHOD)(_EMPTY_EXPORT, timeout=timeout_s, metadata=tuple(headers.items()))
        except grpc.RpcError as error:
            return GrpcAnswer(error.code().name, " ".join((error.details() or "").split()))
    return GrpcAnswer("OK", "")
