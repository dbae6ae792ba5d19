"""Commands that are killed at random moments: ``python -m tests.killing [--runs N] [--few]``.

Each command runs in a fork of this process, which has imported all that it needs, so that a kill
falls into its work. What is then found must be whole, and what goes on must come to the same end.
"""

import argparse
import io
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import torch

import tam
from tam.cli import run
from tam.evaluate.journal import blocks
from tam.files.marks import is_marked
from tam.files.storage import load_explanation
from tests.hand_made import explanation, same

DEMO = Path(tam.__file__).parent / "scenes" / "demo.png"
RESULTS = "results-000.jsonl"

_SOON = 0.03
"""Seconds after a command's first write within which a single kill comes."""


class Killer:
    """Runs commands, and kills them.

    Parameters
    ----------
    runs
        How many runs of each command are killed.
    few
        Give small commands one kill each, soon after they begin to write, in the place of two at
        any moment.
    """

    def __init__(self, runs: int, *, few: bool) -> None:
        self.runs, self.few = runs, few
        self.kills = 0
        self._rng = random.Random(0)
        self._seconds = 0.0

    def first(self, command: Sequence[str], out: Path) -> None:
        """Run a command as nothing interrupts it, here, so that forks find all imported."""
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            assert run([*command, "--out", str(out)]) == 0
        if not self.few:
            begun = time.monotonic()
            self.whole(command, out.with_name(f"again-{out.name}"))
            self._seconds = time.monotonic() - begun

    def whole(self, command: Sequence[str], out: Path) -> None:
        """Run a command in a fork."""
        self._forked(lambda: run([*command, "--out", str(out)]), 600, lambda: True)

    def killed(self, command: Sequence[str], out: Path, written: str = ".tam-*") -> None:
        """Run a command in a fork, and kill it.

        Parameters
        ----------
        written
            The name of what it writes beside ``out``, or within it.
        """
        self.kill(
            lambda: run([*command, "--out", str(out)]),
            _SOON if self.few else self._seconds,
            lambda: not self.few or any(out.parent.glob(written)),
        )

    def kill(self, work: Callable[[], int], most: float, begun: Callable[[], bool]) -> None:
        """Have a fork do some work, and kill it within so many seconds after it has begun."""
        self.kills += self._forked(work, self._rng.uniform(0, most), begun)

    def _forked(self, work: Callable[[], int], seconds: float, begun: Callable[[], bool]) -> bool:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            silent = os.open(os.devnull, os.O_RDWR)
            for number in (1, 2):
                os.dup2(silent, number)
            # torch replaces its pool of threads at the first use after a fork, and not safely if
            # two threads, such as those that read weights, use it at once.
            torch.set_num_threads(1)
            os._exit(work())
        end = None
        while end is None or time.monotonic() < end:
            if end is None and begun():
                end = time.monotonic() + seconds
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                assert status == 0, f"ends with {status}"
                return False
            time.sleep(0.002)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return True


def evaluate(killer: Killer, folder: Path) -> None:
    """Kill an evaluation and let it go on: the same table, nothing lost or double."""
    splits = "one" if killer.few else "one,clip-one"
    command = ["evaluate", "--methods", "tam,random", "--split", splits, "--count", "2"]
    command += ["--model", "small"]
    command += ["--faithful-words", "0" if killer.few else "1", "--steps", "2"]
    killer.first(command, folder / "whole")
    wanted, table = _measured(folder / "whole"), _table(folder / "whole")
    for number in range(killer.runs):
        out = folder / str(number)
        for _ in range(1 if killer.few else 2):
            killer.killed(command, out, f"{number}/{RESULTS}")
        before = blocks(out) if out.exists() else []
        killer.whole(command, out)
        assert _measured(out) == wanted, f"run {number}: other figures"
        assert _table(out) == table, f"run {number}: another table"
        items = (out / RESULTS).read_text("utf-8").count('"line": "item"')
        assert items == len(wanted), f"run {number}: {items} items are written"
        kept = {block.key: block for block in blocks(out)}
        assert all(kept[block.key] == block for block in before), f"run {number}: measured again"
        _check_names(out, _names(folder / "whole"))


def explain(killer: Killer, folder: Path) -> None:
    """Kill the writing of an explanation: none or a whole one, then the next run goes through."""
    command = ["explain", str(DEMO), "-p", "Describe this image.", "--force", "--model", "small"]
    command += ["--max-new-tokens", "4"] if killer.few else ["--pictures"]
    killer.first(command, folder / "whole")
    wanted = load_explanation(folder / "whole")
    for number in range(killer.runs):
        out = folder / str(number) / "out"
        out.parent.mkdir()
        for _ in range(2):  # into an empty folder, then over what may be there
            killer.killed(command, out)
            if out.exists():
                _check_names(out, _names(folder / "whole"))
                assert same(load_explanation(out), wanted)
        killer.whole(command, out)
        assert same(load_explanation(out), wanted)
        _check_names(out.parent, {"out"})


def export(killer: Killer, folder: Path) -> None:
    """Kill the writing of movies and figures: no file or a whole one, as its own digest says."""
    explanation(reply=("A", " dog", " and", " a", " cat")).save(folder / "saved")
    for kind in ("png",) if killer.few else ("mp4", "png", "svg", "gif", "pdf"):
        command = ["export", str(folder / "saved"), "--force"]
        killer.first(command, folder / f"whole.{kind}")
        for number in range(killer.runs if killer.few else -(-killer.runs // 5)):
            out = folder / f"{kind}-{number}" / f"out.{kind}"
            out.parent.mkdir()
            for _ in range(2):
                killer.killed(command, out)
                assert not out.exists() or is_marked(out)
            killer.whole(command, out)
            assert is_marked(out)
            _check_names(out.parent, {out.name})


COMMANDS = (evaluate, explain, export)


def _measured(folder: Path) -> list[tuple[dict[str, Any], tuple[dict[str, Any], ...]]]:
    """Every figure but how long it took."""
    return [
        ({name: value for name, value in block.item.items() if name != "seconds"}, block.words)
        for block in blocks(folder)
    ]


def _table(folder: Path) -> list[str]:
    """The rows of a summary without the column of seconds, which is the last."""
    lines = (folder / "summary.md").read_text("utf-8").splitlines()
    return [line.rpartition(" | ")[0] for line in lines if line.startswith("|")]


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _check_names(folder: Path, wanted: set[str]) -> None:
    assert _names(folder) == wanted, f"{folder} holds {_names(folder)}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.killing", description=__doc__)
    parser.add_argument("--runs", type=int, default=15, help="runs of each command")
    parser.add_argument("--few", action="store_true", help="small commands, few kills")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for check in COMMANDS:
        killer = Killer(asked.runs, few=asked.few)
        with tempfile.TemporaryDirectory() as folder:
            check(killer, Path(folder))
        print(f"{check.__name__}: {killer.kills} kills in {asked.runs} runs", flush=True)


if __name__ == "__main__":
    main()
