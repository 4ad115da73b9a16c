"""An HTTP client for the servers that tests start: patient where the machine is slow, and cheap to make."""

from typing import Any, Final

import httpx

from tests.pace import patience

TIMEOUT_S: Final = patience(30)


def client(**options: Any) -> httpx.Client:
    """Return a client; no server of a test speaks TLS, and reading the certificates would take 30 ms each time."""
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
