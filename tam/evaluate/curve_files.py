"""Curves as files that EAGLE's own script reads.

``python -m evals.eval_AUC_faithfulness --explanation-dir FOLDER`` of the published code (GitHub,
RuoyuChen10/EAGLE) reads every file in ``FOLDER/json``:

====================  ==========================================================================
region_area           [S]: the share of the picture at the end of each step, without 0, up to 1
insertion_score       [S]: the mean probability with this share of the picture shown alone
deletion_score        [S]: the mean probability without this share
insertion_word_score  [S, W]: the probability of each word with this share shown alone
deletion_word_score   [S, W]: the probability of each word without it
====================  ==========================================================================

The script takes the start of either curve from the end of the other one. The words are in
``words``, which it ignores. Its figures of "sensitive" words exist only if the first file that it
opens has a word that the picture makes more probable by 0.2.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tam.errors import os_errors_as_tam_errors
from tam.evaluate.journal import Block
from tam.evaluate.measuring import Line
from tam.files.writing import rewriting_file
from tam.text.slug import slug

FOLDER = "curves"


def write_curves(found: Sequence[Block], out: Path) -> list[Path]:
    """Write each measured curve to ``out/curves/MODEL/METHOD/LEVEL/json/NUMBER-ITEM-GROUP.json``.

    Returns
    -------
    The files.
    """
    written = []
    for path, line in _placed(found, out / FOLDER):
        with os_errors_as_tam_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with rewriting_file(path) as temporary:
            temporary.write_text(json.dumps(eagle_curves(line), indent=1) + "\n", "utf-8")
        written.append(path)
    return written


def eagle_curves(line: Line) -> dict[str, list[object]]:
    """Return a line of :func:`tam.evaluate.curves.curve_lines` in the published code's form."""
    inserted, deleted = line["inserted"][1:], line["deleted"][1:]
    return {
        "words": line["words"],
        "region_area": line["shares"][1:],
        "insertion_score": [sum(row) / len(row) for row in inserted],
        "deletion_score": [sum(row) / len(row) for row in deleted],
        "insertion_word_score": inserted,
        "deletion_word_score": deleted,
    }


def _placed(found: Sequence[Block], folder: Path) -> Iterator[tuple[Path, Line]]:
    models = _folders(block.key[0] for block in found)
    methods = _folders(block.key[1] for block in found)
    items: Counter[tuple[str, str]] = Counter()
    for block in found:
        model, method, item = block.key
        # Numbers keep items apart whose names become the same slug.
        name = f"{items[model, method]:05d}-{slug(item)}"
        items[model, method] += 1
        lines = [line for line in block.words if line.get("kind") == "curve"]
        for number, line in enumerate(lines):
            place = folder / models[model] / methods[method] / line["level"] / "json"
            yield place / f"{name}-{number:02d}.json", line


def _folders(names: Iterable[str]) -> dict[str, str]:
    """Return a folder's name for each name: its slug, with a number if another name has that."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(names):
        number, folder = 1, slug(name)
        while folder in found.values():
            number += 1
            folder = f"{slug(name)}-{number}"
        found[name] = folder
    return found
