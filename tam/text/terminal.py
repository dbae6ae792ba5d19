"""Where text leaves for a terminal: nothing that could steer one passes.

Plain text goes through :func:`fit_for_terminals`, which stands in for ``sys.stdout`` and
``sys.stderr``; colored text goes through the console that :func:`console` makes, which writes the
codes of its own colors and no others.
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
    """A text stream that drops what could steer a terminal from all that is written to it.

    Carriage returns stay, by which progress bars begin their line again.

    Parameters
    ----------
    stream
        Where the rest is written to.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        # Rich's consoles look for this name: they write to it, and see to their text themselves.
        self.rich_proxied_file = stream

    def write(self, text: str) -> int:
        """Write what is fit of a text, and give the length of the whole."""
        plain = _SEQUENCE.sub("", text)
        self.rich_proxied_file.write("\r".join(map(printable, plain.split("\r"))))
        return len(text)

    def flush(self) -> None:
        """Hand on what was written."""
        self.rich_proxied_file.flush()

    def isatty(self) -> bool:
        """Whether it ends at a terminal."""
        return self.rich_proxied_file.isatty()

    def fileno(self) -> int:
        """Give the number of the file that is written to."""
        return self.rich_proxied_file.fileno()

    def writable(self) -> bool:
        """Say yes."""
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of what is written."""
        return self.rich_proxied_file.encoding or "utf-8"

    @property
    def buffer(self) -> Any:
        """The stream of bytes below, for what writes bytes."""
        return self.rich_proxied_file.buffer


@contextmanager
def fit_for_terminals() -> Iterator[None]:
    """Let nothing reach a terminal through ``print``, warnings, logs and tracebacks either."""
    plain = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_fit, plain)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = plain


def _fit(stream: Any) -> Any:
    return stream if isinstance(stream, FitText) else FitText(stream)


def console(*, stderr: bool = False) -> "Console":
    """Make the console for standard output, or for standard error."""
    from tam.text.console import FitConsole  # rich takes longer to load than help to print

    return FitConsole(stderr=stderr)


def open_missing_streams() -> None:
    """Give standard streams that were closed (``2>&-``) something to write to.

    Otherwise the next file that is opened gets their number, and what libraries print lands in it.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def drop_impossible_width() -> None:
    """Forget a width of no columns in the environment: then 80 are taken."""
    for name in ("COLUMNS", "LINES"):
        if os.environ.get(name, "1").strip() in ("", "0"):
            del os.environ[name]
