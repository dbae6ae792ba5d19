"""A connection to a checked address, with a single time limit for the whole exchange.

A socket's own timeout applies to each read, so a server that sends a byte now and then can keep it
open forever. Here every read gets only the time that remains, counted from the name look-up.
"""

import http.client
import io
import ipaddress
import socket
import ssl
import threading
import time
from typing import Any

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Deadline:
    """A point in time after which every operation raises TimeoutError."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the remaining time in seconds.

        Raises
        ------
        TimeoutError
            If no time remains.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"takes longer than {self.seconds:g} seconds")
        return left


class PrivateAddressError(OSError):
    """Raised for a name that resolves only to addresses that are not public."""


def resolve(host: str, port: int, deadline: Deadline) -> list[tuple[Any, ...]]:
    """Resolve a name like :func:`socket.getaddrinfo`, within the time limit."""
    found: list[Any] = []

    def look_up() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            found.append(error)
        except UnicodeError as error:
            found.append(OSError(str(error)))

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(deadline.left())
    if not found:
        deadline.left()
        raise TimeoutError(f"takes longer than {deadline.seconds:g} seconds")
    if isinstance(found[0], OSError):
        raise found[0]
    answers: list[tuple[Any, ...]] = found[0]
    return answers


def is_public(address: str) -> bool:
    """Whether a socket's address is public.

    Loopback, link-local, private, shared, multicast and reserved addresses are not. Neither are
    IPv6 addresses that embed such an IPv4 address, nor any IPv4-mapped ones (``::ffff:8.8.8.8``).
    """
    try:
        parsed: Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = _embedded(parsed)
        if parsed in _NAT64:
            return inner is not None and is_public(str(inner))
        if parsed not in _UNICAST or parsed in _DOCUMENTED:
            return False
        if inner is not None and not is_public(str(inner)):
            return False
    return parsed.is_global and not parsed.is_multicast


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address embedded in an IPv6 address by 6to4, Teredo or NAT64."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour or (address.teredo[1] if address.teredo else None)


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# All global unicast addresses; the rest are local, reserved, or IPv4 in another form.
_UNICAST = ipaddress.IPv6Network("2000::/3")
_DOCUMENTED = ipaddress.IPv6Network("3fff::/20")


class CheckedConnection(http.client.HTTPConnection):
    """An HTTP connection to exactly the address that was checked.

    Parameters
    ----------
    host, port
        The server that the request names.
    secure
        Whether to use TLS, with the name checked against the certificate.
    public_only
        Whether to connect to public addresses only.
    deadline
        The time limit.

    Attributes
    ----------
    public
        Whether the connected address is public.
    """

    def __init__(
        self, host: str, port: int, *, secure: bool, public_only: bool, deadline: Deadline
    ) -> None:
        super().__init__(host, port)
        self.public = False
        self._secure, self._public_only, self._deadline = secure, public_only, deadline

    def connect(self) -> None:
        """Resolve the name once, and connect to one of the resulting addresses."""
        answers = resolve(self.host, self.port, self._deadline)
        if self._public_only:
            answers = [answer for answer in answers if is_public(answer[4][0])]
            if not answers:
                raise PrivateAddressError("leads to an address that is not public")
        failure: OSError | None = None
        for family, kind, protocol, _, address in answers:
            raw = socket.socket(family, kind, protocol)
            try:
                raw.settimeout(self._deadline.left())
                raw.connect(address)
                self.public = is_public(address[0])
                self._begin(raw)
                return
            except OSError as error:
                raw.close()
                failure = error
        raise failure or OSError("the name has no address")

    def _begin(self, raw: socket.socket) -> None:
        tunnel: str | None = getattr(self, "_tunnel_host", None)
        self.sock = _Guarded(raw, self._deadline)
        if tunnel:
            self._tunnel()  # type: ignore[attr-defined]  # as http.client's own subclass does
        if self._secure:
            raw.settimeout(self._deadline.left())
            host = (tunnel or self.host).rstrip(".")
            secured = ssl.create_default_context().wrap_socket(raw, server_hostname=host)
            self.sock = _Guarded(secured, self._deadline)


class _Guarded:
    """A socket for http.client whose reads respect the time limit of the whole exchange.

    Like a socket, it stays open as long as a file object made from it is open.
    """

    def __init__(self, raw: socket.socket, deadline: Deadline) -> None:
        self._raw, self._deadline = raw, deadline
        self._readers, self._closed = 0, False

    def sendall(self, data: Any) -> None:
        self._raw.settimeout(self._deadline.left())
        self._raw.sendall(data)

    def receive(self, buffer: Any) -> int:
        self._raw.settimeout(self._deadline.left())
        return self._raw.recv_into(buffer)

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        self._readers += 1
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        self._closed = True
        self._settle()

    def done(self) -> None:
        self._readers -= 1
        self._settle()

    def _settle(self) -> None:
        if self._closed and not self._readers:
            self._raw.close()


class _Reader(io.RawIOBase):
    def __init__(self, source: _Guarded) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._source.receive(buffer)

    def close(self) -> None:
        if not self.closed:
            self._source.done()
        super().close()
