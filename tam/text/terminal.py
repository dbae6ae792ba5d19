"""Output to terminals without control sequences from untrusted text.

Plain text goes through :func:`fit_for_terminals`, which replaces ``sys.stdout`` and ``sys.stderr``.
Colored text goes through the console of :func:`console`, which writes only its own color codes.
"""

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from tam.text.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

_SEQUENCE = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]")


class FitText(io.TextIOBase):
    """A text stream that drops control sequences from the text written to it.

    Carriage returns stay, because progress bars rewrite their line with them.

    Parameters
    ----------
    stream
        The stream to which the remaining text is written.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        # Rich's consoles write to this attribute instead, and FitConsole cleans their text.
        self.rich_proxied_file = stream

    def write(self, text: str) -> int:
        """Write a text without control sequences, and return the length of the original."""
        plain = _SEQUENCE.sub("", text)
        self.rich_proxied_file.write("\r".join(map(printable, plain.split("\r"))))
        return len(text)

    def flush(self) -> None:
        """Flush the underlying stream."""
        self.rich_proxied_file.flush()

    def isatty(self) -> bool:
        """Whether the underlying stream is a terminal."""
        return self.rich_proxied_file.isatty()

    def fileno(self) -> int:
        """Return the file descriptor of the underlying stream."""
        return self.rich_proxied_file.fileno()

    def writable(self) -> bool:
        """Return True."""
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a plain attribute in the base class
        """The encoding of the underlying stream."""
        return self.rich_proxied_file.encoding or "utf-8"

    @property
    def buffer(self) -> Any:
        """The binary buffer of the underlying stream."""
        return self.rich_proxied_file.buffer


@contextmanager
def fit_for_terminals() -> Iterator[None]:
    """Clean the text of ``print``, warnings, logs and tracebacks within the block."""
    plain = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_fit, plain)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = plain


def _fit(stream: Any) -> Any:
    return stream if isinstance(stream, FitText) else FitText(stream)


def console(*, stderr: bool = False) -> "Console":
    """Return a console for standard output or standard error."""
    from tam.text.console import FitConsole  # imported late, because rich loads slowly

    return FitConsole(stderr=stderr)


def open_missing_streams() -> None:
    """Open the null device for standard streams that are closed (``2>&-``).

    Otherwise the next file to be opened gets their descriptor and the output of libraries.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free descriptor
        if getattr(sys, name) is None:
            stream = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - it stays
            setattr(sys, name, stream)


def drop_impossible_width() -> None:
    """Remove a terminal size of 0 from the environment, so that the default is used."""
    for name in ("COLUMNS", "LINES"):
        if os.environ.get(name, "1").strip() in ("", "0"):
            del os.environ[name]
