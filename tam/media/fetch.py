"""Fetch a file from an http(s) address, with limits on size and time."""

import base64
import http.client
import socket
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import idna

from tam.errors import MediaError
from tam.media.connection import CheckedConnection, Deadline, PrivateAddressError, is_public
from tam.media.files import printable

MAX_BYTES = 64 * 1024 * 1024
TIMEOUT = 30.0
"""The time limit of a whole fetch, in seconds."""

_CHUNK = 64 * 1024
_REDIRECTIONS = 5
_PORTS = {"http": 80, "https": 443}
_SAFE = "%/:=&~+!$,;'@()*[]"
"""Characters left unchanged in a path; all others are percent-encoded as UTF-8."""
_MOVED = (301, 302, 303, 307, 308)


def fetch(
    url: str, *, allowed: bool, max_bytes: int = MAX_BYTES, timeout: float = TIMEOUT
) -> tuple[str, str, bytes]:
    """Fetch one file.

    Parameters
    ----------
    url
        The address, which may contain international characters. Redirects are followed only to
        http(s) addresses, and to non-public addresses (loopback, link-local, private) only if
        this one is not public either.
    allowed
        Whether the user has allowed fetching addresses.
    max_bytes, timeout
        The size limit, and the time limit in seconds, which includes the name look-up.

    Returns
    -------
    where, name, content
        The address without user, password and query, for messages; the file name; and the bytes.

    Raises
    ------
    MediaError
        If addresses are not allowed, the scheme is neither http nor https, the file cannot be
        fetched, or a limit is exceeded.
    """
    parts, where = _parsed(url)
    if not allowed:
        raise MediaError(
            "is an address, and addresses are not fetched",
            where=where,
            remedy="download the picture and give its path, or allow addresses "
            "(--allow-urls, allow_urls=True)",
        )
    request = _Request(parts, where, Deadline(timeout), max_bytes)
    answer = _answered(request)
    public, moves = answer.public, 0
    while answer.status in _MOVED and answer.location:
        moves += 1
        if moves > _REDIRECTIONS:
            raise MediaError(
                f"redirects more than {_REDIRECTIONS} times", where=where, remedy="check it"
            )
        there, _ = _parsed(urljoin(request.parts.geturl(), answer.location), where)
        request = replace(request, parts=there, own=False, public_only=public)
        answer = _answered(request)
    if answer.status != 200:
        raise MediaError(
            f"the server answered {answer.status}", where=where, remedy="check the address"
        )
    if len(answer.content) > max_bytes:
        raise MediaError(
            f"the file is larger than {max_bytes:,} bytes",
            where=where,
            remedy="download it, make it smaller and give its path",
        )
    name = unquote(request.parts.path).rstrip("/").rpartition("/")[2]
    return where, name or str(request.parts.hostname), answer.content


@dataclass(frozen=True)
class _Request:
    """One request during a fetch.

    Parameters
    ----------
    parts
        The requested address.
    where
        The address that the user gave, for messages.
    deadline, max_bytes
        The limits of the whole fetch.
    own
        Whether the user gave this address, as opposed to a redirect.
    public_only
        Whether to refuse addresses that are not public.
    """

    parts: SplitResult
    where: str
    deadline: Deadline
    max_bytes: int
    own: bool = True
    public_only: bool = False

    @property
    def scheme(self) -> str:
        return self.parts.scheme.lower()

    @property
    def port(self) -> int:
        return self.parts.port or _PORTS[self.scheme]

    @property
    def target(self) -> str:
        path = quote(self.parts.path or "/", safe=_SAFE)
        query = quote(self.parts.query, safe=_SAFE + "?")
        return f"{path}?{query}" if query else path


@dataclass(frozen=True)
class _Answer:
    """A server's response: status, redirect, content, and whether its address is public."""

    status: int
    location: str
    content: bytes
    public: bool


def _answered(request: _Request) -> _Answer:
    """Send one request, and convert errors into one-line errors."""
    where = request.where
    if request.scheme not in _PORTS or not request.parts.hostname:
        raise MediaError(
            "only http and https addresses are fetched",
            where=where,
            remedy="download the picture and give its path",
        )
    try:
        return _ask(request)
    except PrivateAddressError as error:
        raise MediaError(
            f"redirects to {_shown(request.parts)}, which {error}",
            where=where,
            remedy="download it and give its path",
        ) from error
    except TimeoutError as error:
        raise MediaError(
            f"fetching takes longer than {request.deadline.seconds:g} seconds",
            where=where,
            remedy="download it and give its path",
        ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise MediaError(
            f"cannot be fetched ({printable(str(error)) or type(error).__name__})",
            where=where,
            remedy="check the address and the network",
        ) from error


def _ask(request: _Request) -> _Answer:
    """Send one request, and read at most one byte more than the size limit."""
    headers = {"User-Agent": "token-activation-map", "Connection": "close"}
    if request.own and request.parts.username:
        headers["Authorization"] = _basic(request.parts)
    host = _host(request.parts)
    proxy = _proxy(request.scheme, host)
    if proxy is None:
        connection = CheckedConnection(
            host,
            request.port,
            secure=request.scheme == "https",
            public_only=request.public_only,
            deadline=request.deadline,
        )
        target = request.target
    else:
        connection, target = _through(proxy, request, host, headers)
    try:
        connection.request("GET", target, headers=headers)
        response = connection.getresponse()
        content = bytearray()
        # read1 returns the bytes that have already arrived.
        while response.status == 200 and len(content) <= request.max_bytes:
            chunk = response.read1(_CHUNK)
            if not chunk:
                if response.length:
                    raise http.client.IncompleteRead(bytes(content), response.length)
                break
            content += chunk
        public = connection.public if proxy is None else _looks_public(host)
        location = response.headers.get("Location", "")
        return _Answer(response.status, location, bytes(content), public)
    finally:
        connection.close()


def _through(
    proxy: SplitResult, request: _Request, host: str, headers: dict[str, str]
) -> tuple[CheckedConnection, str]:
    """Return a connection through a proxy, and the target of the request.

    The proxy resolves the name, so only the text of the name can be checked here.
    """
    if request.public_only and not _looks_public(host):
        raise PrivateAddressError("leads to an address that is not public")
    secure = request.scheme == "https"
    connection = CheckedConnection(
        _host(proxy),
        proxy.port or 80,
        secure=secure,
        public_only=False,
        deadline=request.deadline,
    )
    credentials = {"Proxy-Authorization": _basic(proxy)} if proxy.username else {}
    if secure:
        connection.set_tunnel(host, request.port, credentials)
        return connection, request.target
    headers.update(credentials)
    shown_host = f"[{host}]" if ":" in host else host
    return connection, f"http://{shown_host}:{request.port}{request.target}"


def _proxy(scheme: str, host: str) -> SplitResult | None:
    """Return the proxy that the environment specifies for an address, if any."""
    named = getproxies().get(scheme)
    if not named or proxy_bypass(host):
        return None
    proxy = urlsplit(named if "://" in named else f"http://{named}")
    if proxy.scheme != "http" or not proxy.hostname:
        raise ValueError(f"the proxy for {scheme} is not an http address")
    return proxy


def _looks_public(host: str) -> bool:
    """Whether a host may be public, judged by its name or number without resolving it."""
    host = host.rstrip(".").lower()
    if ":" in host:
        return is_public(host)
    try:  # systems also read 127.1, 0177.0.0.1, 0x7f000001 and 2130706433 as 127.0.0.1
        return is_public(socket.inet_ntoa(socket.inet_aton(host)))
    except OSError:
        return "." in host and not host.endswith(_INNER_NAMES)


_INNER_NAMES = (".localhost", ".local", ".localdomain", ".internal", ".lan", ".home.arpa")


def _host(parts: SplitResult) -> str:
    """Return the host name to resolve, with international names in ASCII form."""
    host = parts.hostname or ""
    if host.isascii():
        return host
    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise ValueError(f"the host name is not valid: {error}") from error


def _basic(parts: SplitResult) -> str:
    said = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(said.encode()).decode()


def _parsed(url: str, where: str = "image") -> tuple[SplitResult, str]:
    try:
        parts = urlsplit(url)
        return parts, _shown(parts)
    except ValueError as error:
        raise MediaError(
            f"is not a valid address ({error})", where=where, remedy="check the address"
        ) from error


def _shown(parts: SplitResult) -> str:
    if parts.scheme.lower() == "data":
        return "data address"
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return printable(f"{parts.scheme}://{host}{port}{parts.path}")
