"""Free ports from the operating system."""

import socket

from otel_recmon.stack.ports import LOOPBACK, free_port, in_use


def test_no_free_port_is_returned_twice() -> None:
    ports = [free_port() for _ in range(200)]

    assert len(set(ports)) == len(ports)


def test_a_server_can_listen_on_a_free_port() -> None:
    port = free_port()

    assert not in_use(port)
    with socket.create_server((LOOPBACK, port)):
        assert in_use(port)
    assert not in_use(port)
