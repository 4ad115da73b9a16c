"""Ports that the operating system hands out."""

import socket

from otel_recmon.stack.ports import LOOPBACK, free, taken


def test_no_port_is_handed_out_twice() -> None:
    ports = [free() for _ in range(200)]

    assert len(set(ports)) == len(ports)


def test_a_server_can_listen_on_a_free_port() -> None:
    port = free()

    assert not taken(port)
    with socket.create_server((LOOPBACK, port)):
        assert taken(port)
    assert not taken(port)
