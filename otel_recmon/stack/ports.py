"""TCP ports on the loopback interface."""

import socket
from typing import Final

LOOPBACK: Final = "127.0.0.1"


def free_port() -> int:
    """Return a port that the operating system assigns to no other program for about a minute.

    A connection that the server closes first leaves the port in TIME_WAIT. A server can still listen on the port,
    because servers set SO_REUSEADDR, but a program that requests any port gets another one.
    """
    with socket.socket() as server, socket.socket() as client:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((LOOPBACK, 0))
        server.listen(1)
        client.connect(server.getsockname())
        server.accept()[0].close()
        return int(server.getsockname()[1])


def in_use(port: int) -> bool:
    """Return True if a program listens on the port."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((LOOPBACK, port))
        except OSError:
            return True
    return False
