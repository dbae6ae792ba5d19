"""Commands and scripts in processes that are forks of one which has imported the large libraries.

A fresh interpreter takes seven seconds for these imports alone. A test that needs a process of its
own but no fresh interpreter has one here in a moment. The toolkit itself is not imported before.
"""

import multiprocessing
import os
import runpy
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

ROOT = Path(__file__).parents[1]
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "torch",
        "transformers.models.auto.processing_auto",
        "transformers.models.qwen2_vl.modeling_qwen2_vl",
        "transformers.generation.utils",
    ]
)


def tam(
    *arguments: object, cwd: Path | None = None, lacking: Sequence[str] = (), timeout: float = 240
) -> CompletedProcess[str]:
    """Run a command, and return its exit code and what it printed.

    Parameters
    ----------
    lacking
        Modules that cannot be imported in the process.
    """
    return _finished([{}], ["tam", *map(str, arguments)], cwd, lacking, timeout)


def script(path: Path, *arguments: object, timeout: float = 280) -> CompletedProcess[str]:
    """Run a script of the repository in its root."""
    return _finished([{}], [str(path), *map(str, arguments)], ROOT, (), timeout)


def tam_in_two(*arguments: object, timeout: float = 240) -> CompletedProcess[str]:
    """Run a command in two processes with the variables that ``torchrun`` gives them.

    The exit code is the first that is not 0, and both print to the same streams.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:  # which finds a free port
        port = server.getsockname()[1]
    group = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    group |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    ranks = [group | {"RANK": rank, "LOCAL_RANK": rank} for rank in "01"]
    return _finished(ranks, ["tam", *map(str, arguments)], None, (), timeout)


def _finished(
    environments: Sequence[Mapping[str, str]],
    arguments: list[str],
    cwd: Path | None,
    lacking: Sequence[str],
    timeout: float,
) -> CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder, name) for name in ("stdout", "stderr")]
        processes = [
            _CONTEXT.Process(
                target=_run, args=(arguments, cwd or Path.cwd(), added, lacking, streams)
            )
            for added in environments
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(timeout)
            if process.is_alive():
                process.kill()
                process.join()
        codes = [process.exitcode for process in processes]
        out, err = (path.read_text("utf-8") if path.exists() else "" for path in streams)
    code = next((code for code in codes if code), 0)
    return CompletedProcess(arguments, code, out, err)


def _run(
    arguments: list[str],
    cwd: Path,
    added: Mapping[str, str],
    lacking: Sequence[str],
    streams: Sequence[Path],
) -> None:
    """Be the process: print into files, which two processes may share, and end with the code.

    ``arguments`` are a command with the name ``tam`` before it, or a script and its arguments.
    """
    os.chdir(cwd)
    os.environ.update(added)
    modules: dict[str, Any] = sys.modules
    modules.update(dict.fromkeys(lacking))  # None: an import of it fails
    for number, path in enumerate(streams, 1):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(opened, number)
        os.close(opened)
    if arguments[0] == "tam":
        from tam.cli import run

        sys.exit(run(arguments[1:]))
    sys.argv = arguments
    sys.path.insert(0, str(Path(arguments[0]).parent))
    runpy.run_path(arguments[0], run_name="__main__")
