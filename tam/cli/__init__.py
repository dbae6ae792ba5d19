"""The command line ``tam``, which reports each error in one line.

Exit codes: 0 success, 2 bad input, 3 something is missing from the machine, 4 memory or disk ran
out, 130 interrupted, 128 plus the signal's number if another signal ended it, 1 a fault of the
toolkit itself. A reader that closes the pipe early (``| head``) is not an error: the code is 0.
"""

import io
import os
import signal
import sys
import traceback
from contextlib import suppress
from types import FrameType

from tam.errors import TamError, from_os_error, ran_out_of_memory
from tam.text.printable import one_line

_INTERRUPTED = 130
_NO_FILE_LEFT = "no partial file was left"
_signals: list[int] = []
"""The signal that ends the program; empty until one has arrived."""


class _Stopped(BaseException):
    """Raised by a signal that ends the program; unwinding removes its temporary files."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(signal.Signals(number).name)


def main() -> None:
    """Run the command line and exit."""
    from tam.text.terminal import drop_impossible_width, open_missing_streams

    open_missing_streams()
    drop_impossible_width()
    for stream in (sys.stdout, sys.stderr):
        # A model's words may contain characters that the terminal's encoding lacks.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    if isinstance(sys.stdin, io.TextIOWrapper):
        # Bytes that are not UTF-8 become surrogates, which are refused in a prompt.
        sys.stdin.reconfigure(errors="surrogateescape")
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _stop)
    try:
        code = run(sys.argv[1:])
    except _Stopped as stopped:  # while the last output was being written
        code = 128 + stopped.number
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    arguments
        The arguments, without the program's name.
    """
    from tam.text.terminal import fit_for_terminals

    debug = "--debug" in arguments
    words = [argument for argument in arguments if argument != "--debug"] or ["--help"]
    with fit_for_terminals():
        return _run(words, debug)


def _run(words: list[str], debug: bool) -> int:
    from typer import Abort

    from tam.cli.app import COMMANDS, app

    try:
        code = app(words, prog_name="tam", standalone_mode=False)
        # Flushed here rather than at exit, because a full disk may only be noticed on flushing.
        sys.stdout.flush()
        if code == _INTERRUPTED:  # how Typer reports a Ctrl-C
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except TamError as error:
        return _fail(str(error), error.exit_code, debug)
    except _Stopped as stopped:
        return _fail(_NO_FILE_LEFT, 128 + stopped.number, debug)
    except (KeyboardInterrupt, Abort):
        return _fail(f"interrupted; {_NO_FILE_LEFT}", _INTERRUPTED, debug)
    except BrokenPipeError:
        _close_quietly()
        return 0
    except SystemExit as ended:
        # This is how Typer reports a broken pipe.
        if not isinstance(ended.__context__, BrokenPipeError):
            raise
        _close_quietly()
        return 0
    except ImportError as error:
        # A missing optional package is a SetupError; here a library such as torch fails to load.
        return _fail(f"a library cannot be loaded ({error}); see 'tam doctor'", 3, debug)
    except Exception as error:
        return _failed(error, words[0] if words[0] in COMMANDS else None, debug)


def _failed(error: Exception, command: str | None, debug: bool) -> int:
    """Report an error that is not a TamError."""
    if ran_out_of_memory(error):
        return _fail("the memory of this machine ran out; close other programs", 4, debug)
    if isinstance(error, OSError):
        told = from_os_error(
            error,
            error.filename or "standard output",
            doing="read or written",
            remedy="check that it exists and that you may use it",
        )
        return _fail(str(told), told.exit_code, debug)
    # Typer's exceptions for wrong arguments have this member.
    message = getattr(error, "format_message", None)
    if message is not None:
        hint = " ".join(["tam", *([command] if command else []), "--help"])
        return _fail(f"{message().rstrip('.')}; see '{hint}'", 2, debug)
    what = f"{type(error).__name__}: {error}"
    return _fail(f"unexpected {what}; run again with --debug and report it", 1, debug)


def _fail(message: str, code: int, debug: bool) -> int:
    if _signals:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        # A library may have converted the exception into another.
        message = f"stopped by {signal.Signals(_signals[0]).name}; {_NO_FILE_LEFT}"
        code = 128 + _signals[0]
    if debug:
        traceback.print_exc()
    try:
        sys.stdout.flush()
    except OSError:
        _close_quietly()
    print(f"tam: {one_line(message)}", file=sys.stderr)
    return code


def _close_quietly() -> None:
    """Discard the rest of standard output, which Python would try to write again at exit."""
    with suppress(OSError, ValueError):  # the stream may not be a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stop(number: int, _frame: FrameType | None) -> None:
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)  # do not interrupt the cleanup
    _signals.append(number)
    if hasattr(signal, "setitimer"):  # Windows has none
        signal.signal(signal.SIGALRM, _stop_again)
        signal.setitimer(signal.ITIMER_REAL, 1, 1)
    raise _Stopped(number)


def _stop_again(_number: int, _frame: FrameType | None) -> None:
    """Raise the exception again if a library has swallowed it, for example in a callback.

    While the exception is still propagating, do nothing, so that cleanup is not interrupted.
    """
    error = sys.exception()
    while error is not None:
        if isinstance(error, _Stopped):
            return
        error = error.__context__
    raise _Stopped(_signals[0])
