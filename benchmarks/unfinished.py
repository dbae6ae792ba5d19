"""Where unfinished benchmarks lie: a folder for the very weights that they measure."""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tam.model.shipped import SHIPPED, weights_folder

FOLDER = Path(__file__).parent / "unfinished"


def work_folder(models: Iterable[str]) -> Path:
    """Folder named by a digest of the weights that come with the package, and of other names.

    So a benchmark that is started again goes on where it stopped, but never mixes what it measured
    with other weights of the same name.
    """
    digest = hashlib.sha256()
    for name in models:
        digest.update(name.encode())
        if name in SHIPPED:
            digest.update((weights_folder(name) / "model.safetensors").read_bytes())
    return FOLDER / digest.hexdigest()[:12]


def kept(path: Path, count: int, measure: Callable[[int], Any]) -> list[Any]:
    """Measure items 0 to ``count`` - 1 that a file does not have yet; JSON, a line for each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as stream:
        stream.seek(0)
        lines = [line for line in stream if line.endswith(b"\n")]
        stream.truncate(sum(map(len, lines)))  # a line that a killed run left torn
        for number in range(len(lines), count):
            lines.append(json.dumps(measure(number), allow_nan=False).encode() + b"\n")
            stream.write(lines[-1])
            stream.flush()
    return [json.loads(line) for line in lines[:count]]
