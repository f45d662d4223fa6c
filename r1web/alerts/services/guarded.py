"""One POST to an address that somebody typed in: it must not reach what only this server may.

The name is resolved once, every address it has is looked at, and the connection goes to one of
these, so that a name cannot be looked up anew to something else. Redirects are not followed.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

CONNECT_S = 3.0
MOST_ADDRESSES = 2
WHOLE_S = 8.0
"""Seconds from the connection to the answer, however slowly that drips."""
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

METADATA = frozenset(
    ipaddress.ip_address(address)
    for address in ("169.254.169.254", "100.100.100.200", "fd00:ec2::254")
)
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class SendError(Exception):
    """Why it could not be sent. The sentence holds neither address nor secret."""

    def __init__(self, sentence: str, *, final: bool = False) -> None:
        super().__init__(sentence)
        self.final = final
        """Trying again would not help."""


def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Send `body`. Raises SendError unless the answer is 2xx."""
    parts = checked_url(url)
    try:
        status = _status(parts, body, headers)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise SendError(f"No answer: {type(error).__name__}.") from error
    if 300 <= status < 400:
        raise SendError(f"Answered {status}: redirects are not followed.", final=True)
    if not 200 <= status < 300:
        again = status >= 500 or status in (408, 425, 429)
        raise SendError(f"Answered {status}.", final=not again)


def checked_url(url: str) -> SplitResult:
    """The parts of a URL that may be posted to, as far as its text tells. Raises SendError."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise SendError("The address is not a URL.", final=True) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SendError("The address must begin with https:// or http:// and a host.", final=True)
    if parts.username is not None or not url.isascii() or any(char.isspace() for char in url):
        raise SendError("The address holds a user, spaces or other letters than ASCII.", final=True)
    with suppress(ValueError):
        _refuse(ipaddress.ip_address(parts.hostname))
    return parts


def _status(parts: SplitResult, body: bytes, headers: Mapping[str, str]) -> int:
    with _connected(parts) as sock, _deadline(sock):
        if isinstance(sock, ssl.SSLSocket):
            sock.do_handshake()
        connection = http.client.HTTPConnection(parts.hostname or "")
        connection.sock = sock
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        connection.request("POST", path, body, {**headers, "Host": parts.netloc})
        return connection.getresponse().status


def _connected(parts: SplitResult) -> socket.socket:
    """A connection to one of the host's addresses; TLS, where asked for, is yet to be begun."""
    host, tls = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if tls else 80)
    plain = _first_answering(_resolve(host, port), port)
    if not tls:
        return plain
    context = ssl.create_default_context()
    return context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)


def _first_answering(addresses: list[str], port: int) -> socket.socket:
    for address in addresses[:-1]:
        with suppress(OSError):  # the next one may do
            return socket.create_connection((address, port), CONNECT_S)
    return socket.create_connection((addresses[-1], port), CONNECT_S)


def _resolve(host: str, port: int) -> list[str]:
    """The first addresses of the host, after a look at all of them."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise SendError("The host is not known.") from error
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        _refuse(ipaddress.ip_address(address.partition("%")[0]))
    return addresses[:MOST_ADDRESSES]


def _refuse(address: IpAddress) -> None:
    seen = _innermost(address)
    if seen.is_loopback and settings.R1WEB_WEBHOOK_LOOPBACK:
        return
    if seen in METADATA or any(
        (seen.is_loopback, seen.is_link_local, seen.is_unspecified, seen.is_multicast)
    ):
        raise SendError(
            "The host is this machine or a link-local, multicast or metadata address, which are "
            "not allowed.",
            final=True,
        )


def _innermost(address: IpAddress) -> IpAddress:
    """The IPv4 address that an IPv6 one stands for, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


@contextmanager
def _deadline(sock: socket.socket) -> Iterator[None]:
    """Cut the connection after WHOLE_S; whoever reads or writes then fails."""

    def cut() -> None:
        with suppress(OSError):  # it has ended by itself
            socket.socket.shutdown(sock, socket.SHUT_RDWR)  # under TLS, without a word

    timer = threading.Timer(WHOLE_S, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
