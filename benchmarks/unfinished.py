"""Storage for unfinished benchmarks, in a separate folder for each version of the weights."""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tam.model.assembled import ASSEMBLED, assembled_folder
from tam.model.shipped import SHIPPED, weights_folder

FOLDER = Path(__file__).parent / "unfinished"


def work_folder(models: Iterable[str]) -> Path:
    """Return a folder named by a digest of the models' names and, for our own, of their weights.

    So a benchmark that is started again continues where it stopped, but never mixes results of
    different weights with the same name.
    """
    digest = hashlib.sha256()
    for name in models:
        digest.update(name.encode())
        if name in SHIPPED:
            digest.update((weights_folder(name) / "model.safetensors").read_bytes())
        elif name in ASSEMBLED:
            digest.update((assembled_folder(name) / "model.safetensors").read_bytes())
    return FOLDER / digest.hexdigest()[:12]


def kept(path: Path, count: int, measure: Callable[[int], Any]) -> list[Any]:
    """Return the results of items 0 to ``count`` - 1; measure and append those not yet in a file.

    The file has one line of JSON for each item.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as stream:
        stream.seek(0)
        lines = [line for line in stream if line.endswith(b"\n")]
        stream.truncate(sum(map(len, lines)))  # drops a partial line of a killed run
        for number in range(len(lines), count):
            lines.append(json.dumps(measure(number), allow_nan=False).encode() + b"\n")
            stream.write(lines[-1])
            stream.flush()
    return [json.loads(line) for line in lines[:count]]
