"""Fetching a file from an http(s) address, within limits of size and time."""

import http.client
import time
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, unquote, urlsplit

from tam.errors import MediaError

MAX_BYTES = 64 * 1024 * 1024
TIMEOUT = 30.0
"""Seconds that a whole fetch may take."""

_CHUNK = 64 * 1024


def fetch(
    url: str, *, allowed: bool, max_bytes: int = MAX_BYTES, timeout: float = TIMEOUT
) -> tuple[str, str, bytes]:
    """Fetch one file.

    Parameters
    ----------
    url
        Its address. Redirections are followed to http(s) addresses only.
    allowed
        Whether the user allowed addresses at all.
    max_bytes, timeout
        Largest size, and longest time in seconds.

    Returns
    -------
    where, name, content
        The address without user, password and query, for messages; the file name; the bytes.

    Raises
    ------
    MediaError
        If addresses are not allowed, the scheme is another one, the file cannot be fetched, or a
        limit is passed.
    """
    try:
        parts = urlsplit(url)
        where = _shown(parts)
    except ValueError as error:
        raise MediaError(
            f"is no valid address ({error})", where="image", remedy="check the address"
        ) from error
    if not allowed:
        raise MediaError(
            "is an address, and addresses are not fetched",
            where=where,
            remedy="download the picture and give its path, or allow addresses "
            "(--allow-urls, allow_urls=True)",
        )
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise MediaError(
            "only http and https addresses are fetched",
            where=where,
            remedy="download the picture and give its path",
        )
    try:
        content = _read(url, where, max_bytes, timeout)
    except HTTPError as error:
        with error:
            raise MediaError(
                f"the server answered {error.code}", where=where, remedy="check the address"
            ) from error
    except (URLError, OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise MediaError(
            f"cannot be fetched ({reason})",
            where=where,
            remedy="check the address and the network",
        ) from error
    name = unquote(parts.path).rstrip("/").rpartition("/")[2]
    return where, name or str(parts.hostname), content


def _read(url: str, where: str, max_bytes: int, timeout: float) -> bytes:
    deadline = time.monotonic() + timeout
    content = bytearray()
    with _opener().open(url, timeout=timeout) as response:
        # read1 returns what has arrived, so a server that drips cannot hold the clock.
        while chunk := response.read1(_CHUNK):
            content += chunk
            if len(content) > max_bytes:
                raise MediaError(
                    f"the file is larger than {max_bytes:,} bytes",
                    where=where,
                    remedy="download it, make it smaller and give its path",
                )
            if time.monotonic() > deadline:
                raise MediaError(
                    f"fetching takes longer than {timeout:g} seconds",
                    where=where,
                    remedy="download it and give its path",
                )
    return bytes(content)


def _opener() -> request.OpenerDirector:
    """An opener without the handlers of local files, FTP and data addresses."""
    opener = request.OpenerDirector()
    opener.addheaders = [("User-Agent", "token-activation-map")]
    for handler in (
        request.ProxyHandler(),
        request.HTTPHandler(),
        request.HTTPSHandler(),
        request.HTTPRedirectHandler(),
        request.HTTPDefaultErrorHandler(),
        request.HTTPErrorProcessor(),
        request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _shown(parts: SplitResult) -> str:
    if parts.scheme.lower() == "data":
        return "data address"
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    text = f"{parts.scheme}://{host}{port}{parts.path}"
    return "".join(char for char in text if char.isprintable())
