"""Addresses: only if allowed, within one time limit, never redirected to a private place."""

import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from tam.errors import MediaError
from tam.media import Sampling, open_image, open_media
from tam.media.connection import Deadline, is_public
from tam.media.fetch import _answered, _Request, fetch
from tests.media.numbered import numbers_of, write
from tests.media.test_image import corners


@pytest.fixture
def answers() -> dict[str, bytes]:
    """What the server has, by path."""
    buffer = BytesIO()
    corners().save(buffer, "PNG")
    return {"/a%20picture.png": buffer.getvalue()}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, answers: dict[str, bytes]) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "*")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            target = {"/file": "file:///etc/hostname", "/ftp": "ftp://localhost/x"}.get(self.path)
            if self.path.endswith("/to"):
                target = answers[self.path.removeprefix("http://one.example:80/")].decode()
            if target or self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", target or "/a%20picture.png?token=secret")
                self.end_headers()
            elif found := answers.get(self.path) or answers.get(self.path.partition("?")[0]):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(found)
            else:
                self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.mark.promise("addresses", "a URL without --allow-urls", "not fetched")
@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/x.png", "HTTPS://user:pass@x/y.png?token=secret", "data:,x", "s3://b/k"],
)
def test_an_address_is_refused_unless_allowed(url: str) -> None:
    with pytest.raises(MediaError, match=r"addresses are not fetched.*--allow-urls") as caught:
        open_image(url)
    assert "secret" not in str(caught.value)
    assert "pass" not in str(caught.value)


def test_an_allowed_address_is_fetched(server: str) -> None:
    media = open_image(f"{server}/a%20picture.png?token=secret", allow_urls=True)
    assert media.name == "a picture.png"
    np.testing.assert_array_equal(media.frames[0], np.asarray(corners()))
    np.testing.assert_array_equal(
        open_image(f"{server}/moved", allow_urls=True).frames, media.frames
    )


@pytest.mark.promise("addresses", "server, TLS and DNS errors", "a one-line error")
def test_what_cannot_be_fetched(server: str) -> None:
    with pytest.raises(MediaError, match="the server answered 404"):
        open_image(f"{server}/missing.png", allow_urls=True)
    with pytest.raises(MediaError, match="cannot be fetched"):
        open_image("http://127.0.0.1:1/x.png", allow_urls=True)
    with pytest.raises(MediaError, match="not a valid address"):
        open_image("http://127.0.0.1:99999/x.png", allow_urls=True)


@pytest.mark.promise("addresses", "file:, ftp: and other schemes", "never fetched")
@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x.png", "file:///etc/hostname", "data:,x"])
def test_other_schemes_are_never_fetched(url: str) -> None:
    with pytest.raises(MediaError, match="only http and https"):
        open_image(url, allow_urls=True)


@pytest.mark.promise("addresses", "a redirect to another scheme", "refused")
@pytest.mark.parametrize("path", ["/file", "/ftp"])
def test_a_redirection_cannot_leave_http(server: str, path: str) -> None:
    with pytest.raises(MediaError):
        open_image(f"{server}{path}", allow_urls=True)


def test_a_clip_behind_an_address_is_a_clip(
    server: str, tmp_path: Path, answers: dict[str, bytes]
) -> None:
    answers["/clip"] = write(tmp_path / "clip.mp4", range(6)).read_bytes()
    media = open_media(f"{server}/clip", allow_urls=True, sampling=Sampling(num_frames=3))
    assert numbers_of(media.frames) == [0, 2, 4]
    assert media.name == "clip"


PUBLIC = "8.8.8.8"


def lead(monkeypatch: pytest.MonkeyPatch, names: dict[str, str]) -> list[str]:
    """Make names lead to addresses ("" is any other name), and let this machine be ``PUBLIC``.

    Returns
    -------
    The names that are looked up, as it happens.
    """
    asked = []

    def look_up(host: str, port: int, *_: object, **__: object) -> list:
        asked.append(host)
        address = names.get(host, names.get("", host))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    class Routed(socket.socket):
        def connect(self, address: tuple[str, int]) -> None:
            super().connect(("127.0.0.1" if address[0] == PUBLIC else address[0], address[1]))

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket, "socket", Routed)
    return asked


@pytest.mark.promise("addresses", "international domain names", "requested in ASCII")
def test_international_addresses_are_asked_in_ascii(
    server: str, answers: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = lead(monkeypatch, {"": "127.0.0.1"})
    answers["/b%C3%BCcher/%E5%9B%BE%20x.png?f=%C3%A9"] = answers["/a%20picture.png"]
    port = server.rpartition(":")[2]
    url = f"http://bücher.例え.example:{port}/bücher/图 x.png?f=é"
    media = open_image(url, allow_urls=True)
    assert asked == ["xn--bcher-kva.xn--r8jz45g.example"]
    assert media.name == "图 x.png"
    with pytest.raises(MediaError, match="host name is not valid"):
        open_image("http://a\u200d\u00ad-.\u2603\ufffd/x.png", allow_urls=True)


@contextmanager
def talking(say: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that says what it wants, for as long as someone listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                try:
                    connection.recv(4096)
                    say(connection)
                except OSError:
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/x.png"
        thread.join()


def drip(head: bytes, drop: bytes) -> Callable[[socket.socket], None]:
    def say(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(drop)
            time.sleep(0.02)

    return say


@pytest.mark.promise(
    "addresses",
    "a server that drips status lines, headers or chunk sizes",
    "the time limit holds from the first byte",
)
@pytest.mark.parametrize(
    "say",
    [
        drip(b"HTTP/1.1 ", b"2"),
        drip(b"HTTP/1.1 200 OK\r\nX: ", b"y"),
        drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"z"),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        drip(b"HTTP/1.1 302 Found\r\nLocation: ", b"x"),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
        lambda connection: time.sleep(1),
    ],
    ids="status header continue chunk-size chunks body redirect trailers silence".split(),
)
def test_the_time_limit_holds_from_the_first_byte(
    say: Callable[[socket.socket], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with talking(say) as url:
        begun = time.monotonic()
        with pytest.raises(MediaError, match=r"takes longer than 0\.3 seconds"):
            fetch(url, allowed=True, timeout=0.3)
        assert time.monotonic() - begun < 3


def test_a_name_that_is_looked_up_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    found = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found.wait(20))
    try:
        with pytest.raises(MediaError, match="takes longer"):
            fetch("http://slow.example/x.png", allowed=True, timeout=0.2)
    finally:
        found.set()


@pytest.mark.promise("addresses", "a truncated response", "not mistaken for a complete one")
def test_a_file_that_ends_too_early_is_not_taken_for_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"
    with (
        talking(lambda connection: connection.sendall(head)) as url,
        pytest.raises(MediaError, match="cannot be fetched"),
    ):
        fetch(url, allowed=True)


@pytest.mark.parametrize(
    "address",
    """127.0.0.1 127.9.9.9 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0
    224.0.0.1 255.255.255.255 192.0.2.1 ::1 :: fe80::1 fe80::1%eth0 fc00::1 ff02::1
    ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1 2002:7f00:1:: 2001:db8::1 words
    ::127.0.0.1 ::ffff:8.8.8.8 fec0::1 64:ff9b:1::7f00:1 200::1 4000::1 3fff::1""".split(),
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", "8.8.8.8 2606:4700::1111 64:ff9b::808:808".split())
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.promise(
    "addresses",
    "a redirect to a private or loopback address",
    "refused; the address of the actual connection is checked",
)
@pytest.mark.parametrize("private", ["127.0.0.1", "169.254.169.254", "10.1.2.3"])
def test_a_redirect_to_a_private_address_is_refused(
    server: str, answers: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, private: str
) -> None:
    port = server.rpartition(":")[2]
    lead(monkeypatch, {"public.example": PUBLIC, "inner.example": private})
    for there in ("inner.example", private):
        answers["/to"] = f"http://{there}:{port}/a%20picture.png".encode()
        with pytest.raises(MediaError, match="leads to an address that is not public"):
            fetch(f"http://public.example:{port}/to", allowed=True, timeout=5)


@pytest.mark.parametrize(
    "host", "127.1 0177.0.0.1 0x7f000001 2130706433 [::1] [::ffff:127.0.0.1] ①②⑦.0.0.1".split()
)
def test_another_spelling_of_a_private_address_is_refused(host: str) -> None:
    deadline = Deadline(5)
    request = _Request(urlsplit(f"http://{host}:9/x.png"), "here", deadline, 9, public_only=True)
    with pytest.raises(MediaError, match="leads to an address that is not public"):
        _answered(request)


def test_other_redirects_are_followed(
    server: str, answers: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    port = server.rpartition(":")[2]
    asked = lead(monkeypatch, {"one.example": PUBLIC, "two.example": PUBLIC})
    answers["/to"] = f"http://two.example:{port}/a%20picture.png".encode()
    _, name, content = fetch(f"http://one.example:{port}/to", allowed=True)
    assert (name, content) == ("a picture.png", answers["/a%20picture.png"])
    # Each name once: what is connected to is what was checked.
    assert asked == ["one.example", "two.example"]
    # Who names a private address wants to go there.
    answers["/to"] = f"http://localhost:{port}/a%20picture.png".encode()
    assert fetch(f"http://127.0.0.1:{port}/to", allowed=True)[2] == content


def test_a_proxy_is_asked_for_the_whole_address(
    server: str, answers: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("http_proxy", server)
    answers["http://one.example:80/x.png"] = answers["/a%20picture.png"]
    assert fetch("http://one.example/x.png", allowed=True)[2] == answers["/a%20picture.png"]
    inner = """10.1.2.3 127.1 0177.0.0.1 0x7f.1 2130706433 0x7f000001 127.0.0.1. [::1]
    [::ffff:7f00:1] 169.254.43518 localhost localhost. a.localhost. printer.local.
    router.lan box.home.arpa"""
    for host in inner.split():
        answers["to"] = f"http://{host}/x.png".encode()
        with pytest.raises(MediaError, match="leads to an address that is not public"):
            fetch("http://one.example/to", allowed=True)


@pytest.mark.promise("addresses", "endless redirects", "given up")
def test_a_redirect_that_never_ends_is_given_up(server: str, answers: dict[str, bytes]) -> None:
    answers["/to"] = b"/to"
    with pytest.raises(MediaError, match="redirects more than 5 times"):
        fetch(f"{server}/to", allowed=True)


@pytest.mark.promise("addresses", "an endless response", "stopped at a size limit")
def test_limits_of_a_fetch(server: str) -> None:
    with pytest.raises(MediaError, match="larger than 20 bytes"):
        fetch(f"{server}/a%20picture.png", allowed=True, max_bytes=20)
    with pytest.raises(MediaError, match=r"takes longer than|cannot be fetched"):
        fetch(f"{server}/a%20picture.png", allowed=True, timeout=1e-9)
