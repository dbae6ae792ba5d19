"""The command line ``tam``: arguments in, one line for each error out.

Exit codes: 0 done, 2 bad input, 3 something is missing from the machine, 4 memory or disk ran out,
130 interrupted, 1 a fault of the toolkit itself.
"""

import io
import os
import sys
import traceback

from tam.errors import TamError

_INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit."""
    for stream in (sys.stdout, sys.stderr):
        # A model's words can hold letters that this terminal's encoding does not.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and give its exit code.

    Parameters
    ----------
    arguments
        Without the program's name.
    """
    from typer import Abort

    from tam.cli.app import COMMANDS, app

    debug = "--debug" in arguments
    words = [argument for argument in arguments if argument != "--debug"] or ["--help"]
    try:
        code = app(words, prog_name="tam", standalone_mode=False)
        if code == _INTERRUPTED:  # Typer's way of passing a Ctrl-C on
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except TamError as error:
        return _fail(str(error), error.exit_code, debug)
    except (KeyboardInterrupt, Abort):
        return _fail("interrupted; no partial file was left", _INTERRUPTED, debug)
    except BrokenPipeError:
        # The reader has what it wanted (tam models | head). Python flushes standard output once
        # more when it ends; that must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ImportError as error:
        # Not what a package lacks by design (that is a SetupError): torch itself does not load.
        return _fail(f"a library cannot be loaded ({error}); see 'tam doctor'", 3, debug)
    except MemoryError:
        return _fail("the memory of this machine ran out; close other programs", 4, debug)
    except Exception as error:
        # Typer tells wrong arguments by exceptions of its own with these two members.
        message = getattr(error, "format_message", None)
        if message is not None:
            command = [name for name in COMMANDS if name == words[0]]
            hint = " ".join(["tam", *command, "--help"])
            return _fail(f"{message().rstrip('.')}; see '{hint}'", 2, debug)
        what = " ".join(f"{type(error).__name__}: {error}".split())
        return _fail(f"unexpected {what}; run again with --debug and report it", 1, debug)


def _fail(message: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    one_line = " ".join(message.split())
    print(f"tam: {one_line}", file=sys.stderr)
    return code
