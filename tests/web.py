"""An HTTP client for the servers that tests start; its time-out scales with the speed of the machine."""

from typing import Any, Final

import httpx

from tests.speed import scaled

TIMEOUT_S: Final = scaled(30)


def client(**options: Any) -> httpx.Client:
    """Return a client. No server of a test speaks TLS, and reading the certificates takes 30 ms each time."""
    return httpx.Client(timeout=TIMEOUT_S, verify=False, **options)


def request(method: str, url: str, **arguments: Any) -> httpx.Response:
    """Send one request and return its whole answer."""
    with client() as one:
        return one.request(method, url, **arguments)


def get(url: str, **arguments: Any) -> httpx.Response:
    """Send a GET request and return its whole answer."""
    return request("GET", url, **arguments)


def post(url: str, **arguments: Any) -> httpx.Response:
    """Send a POST request and return its whole answer."""
    return request("POST", url, **arguments)


def put(url: str, **arguments: Any) -> httpx.Response:
    """Send a PUT request and return its whole answer."""
    return request("PUT", url, **arguments)


def answers(url: str) -> bool:
    """Return whether a server answers at all: the parent of several workers says its port before they listen."""
    try:
        get(url)
    except httpx.TransportError:
        return False
    return True
