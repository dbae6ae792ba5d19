"""One table per model: how well each method finds the exact causes, and at what cost.

    tam evaluate --causes --split many,false,conversation --count 6 --methods NAMES --out DIR
    python -m benchmarks.truth DIR

Reads the results of a finished or unfinished evaluation with ``--causes``, and uses the items that
were measured with all of the methods. Writes ``truth-MODEL.md``, or ``truth-MODEL-ABOUT.md``.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tam.errors import ended_in_one_line
from tam.evaluate.journal import blocks
from tam.evaluate.metrics import metric_named
from tam.evaluate.summary import ALL, Row, summarize
from tam.methods import choose

COLUMNS = (
    *("cause_hottest", "cause_auroc", "cause_height", "relevance_auroc"),
    *("f1_iou", "pointing", "insertion", "deletion"),
)


def main() -> None:
    """Read, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="of an evaluation with --causes")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--about", default="", help="what the data are, for title and file name")
    asked = parser.parse_args()
    found = blocks(asked.folder)
    methods = list(dict.fromkeys(block.item["method"] for block in found))
    settings = json.loads((asked.folder / "settings.json").read_text("utf-8"))
    rows = summarize(found, methods)
    for model in dict.fromkeys(row.model for row in rows):
        own = [row for row in rows if row.model == model]
        title = f"{model}, {asked.about}" if asked.about else model
        text = table(title, own, methods, settings)
        print(text)
        name = f"truth-{model}-{asked.about}.md" if asked.about else f"truth-{model}.md"
        (asked.out / name).write_text(text, encoding="utf-8")


def table(
    title: str, rows: Sequence[Row], methods: Sequence[str], settings: Mapping[str, Any]
) -> str:
    """Write the table of one model, over all splits together."""
    whole = [row for row in rows if row.split == ALL] or list(rows)
    splits = settings["splits"]
    shown = [split for split in splits if any(row.split == split for row in rows)] or splits
    headings = [metric_named(name).column for name in COLUMNS]
    data = "" if settings.get("data", "scenes") == "scenes" else f"--data {settings['data']} "
    dtype = f"--dtype {settings['dtype']} " if "dtype" in settings else ""
    place = "" if settings.get("location", True) else "--no-location "
    lines = [
        f"# Which map tells the truth: {title}",
        "",
        f"`tam evaluate --causes {data}--model {rows[0].model} {dtype}--split {','.join(shown)} "
        f"--count {settings['count']} --faithful-words {settings['faithful_words']} "
        f"{place}--methods {','.join(methods)}`, then `python -m benchmarks.truth DIR`; "
        f"{whole[0].items} items, {whole[0].words} words with a mask. In per cent, with 95 % "
        "bootstrap intervals over items; of deletion less is better. ms: of the method for each "
        "token on a shared machine, so compare them with each other only.",
        "",
        f"| method | {' | '.join(headings)} | ms | cost beside the run |",
        f"| --- |{' ---: |' * (len(COLUMNS) + 1)} --- |",
    ]
    for row in whole:
        cells = [figure(row, name) for name in COLUMNS]
        cost = choose(row.method).method.cost
        lines.append(
            f"| {row.method} | {' | '.join(cells)} | {1000 * row.seconds_per_word:.0f} | {cost} |"
        )
    return "\n".join(lines) + "\n"


def figure(row: Row, name: str) -> str:
    """Write a figure with its interval, in per cent."""
    value = row.figures.get(name)
    if value is None:
        return "–"
    return f"{100 * value.value:.0f} [{100 * value.low:.0f}, {100 * value.high:.0f}]"


if __name__ == "__main__":
    with ended_in_one_line():
        main()
