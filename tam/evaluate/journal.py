"""Results on disk: an append-only journal of JSON lines that survives a killed process.

A block consists of the lines of one item, model and method; it ends with the item's own line. Each
process of a run appends to its own file.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tam.errors import OutputError, os_errors_as_tam_errors
from tam.files.reading import read_bounded

_LARGEST = 2**30

Key = tuple[str, str, str]
"""Model, method, item."""


@dataclass(frozen=True)
class Block:
    """The measurements of one item with one model and method.

    Parameters
    ----------
    item
        The item's line.
    words
        The lines of its words.
    """

    item: dict[str, Any]
    words: tuple[dict[str, Any], ...]

    @property
    def key(self) -> Key:
        """Model, method, item."""
        return self.item["model"], self.item["method"], self.item["item"]


class Journal:
    """The file of one process of a run.

    Parameters
    ----------
    folder
        The run's folder, which must exist.
    process
        The number of the process, from 0.
    """

    def __init__(self, folder: Path, process: int) -> None:
        self.path = folder / f"results-{process:03d}.jsonl"

    def repair(self) -> None:
        """Cut off what a killed run left unfinished: a torn line, or words without their item."""
        if self.path.exists():
            _, whole = _read(self.path)
            with os_errors_as_tam_errors(self.path), self.path.open("r+b") as stream:
                stream.truncate(whole)

    def append(self, block: Block) -> None:
        """Append a block in one write, and flush it to disk before returning."""
        lines = [{"line": "word", **line} for line in block.words]
        lines.append({"line": "item", **block.item})
        text = "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines)
        with os_errors_as_tam_errors(self.path), self.path.open("ab") as stream:
            stream.write(text.encode())
            stream.flush()
            os.fsync(stream.fileno())


def blocks(folder: Path) -> list[Block]:
    """Read everything that a run has measured so far, from all of its processes.

    Blocks are ordered by model, method and item, so that the order in which processes worked does
    not matter; of several blocks with the same key the first one counts.

    Raises
    ------
    OutputError
        If a file contains a line that no run wrote.
    """
    found: dict[Key, Block] = {}
    for path in sorted(folder.glob("results-*.jsonl")):
        for block in _read(path)[0]:
            found.setdefault(block.key, block)
    return [found[key] for key in sorted(found)]


def _read(path: Path) -> tuple[Sequence[Block], int]:
    """Return the complete blocks of a file, and the number of bytes that they take."""
    read: list[Block] = []
    whole = 0
    words: list[dict[str, Any]] = []
    for end, line in _lines(path):
        if line.pop("line") == "word":
            words.append(line)
            continue
        read.append(Block(line, tuple(words)))
        words = []
        whole = end
    return read, whole


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each complete line, with the offset at which it ends."""
    end = 0
    content = read_bounded(path, _LARGEST, remedy="name a new folder with --out", kind=OutputError)
    for number, raw in enumerate(content.splitlines(keepends=True), 1):
        end += len(raw)
        if not raw.endswith(b"\n"):
            return
        try:
            line = json.loads(raw)
            kind = line["line"]
            known = kind == "word" or all(
                isinstance(line[name], str) for name in ("model", "method", "item", "split")
            )
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise _foreign(path, number) from error
        if kind not in ("word", "item") or not known:
            raise _foreign(path, number)
        yield end, line


def _foreign(path: Path, number: int) -> OutputError:
    return OutputError(
        f"line {number} is not a result", where=str(path), remedy="name a new folder with --out"
    )
