"""Ports on the loopback interface."""

import socket
from typing import Final

LOOPBACK: Final = "127.0.0.1"


def free() -> int:
    """A port that the operating system hands out to nobody else for a minute.

    A connection that the server's end closed first leaves the port in TIME_WAIT: a server can listen on it,
    for servers allow for that state, but it is not given to somebody who asks for any port.
    """
    with socket.socket() as server, socket.socket() as client:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((LOOPBACK, 0))
        server.listen(1)
        client.connect(server.getsockname())
        server.accept()[0].close()
        return int(server.getsockname()[1])


def taken(port: int) -> bool:
    """Whether somebody listens on a port."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((LOOPBACK, port))
        except OSError:
            return True
    return False
