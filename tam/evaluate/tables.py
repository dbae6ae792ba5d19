"""The summary as files: JSON for programs, Markdown for people."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tam.evaluate.claims import NAMES as CLAIMS
from tam.evaluate.curves import NAMES as CURVES
from tam.evaluate.metrics import METRICS, metric_named
from tam.evaluate.plan import Plan
from tam.evaluate.statistics import RESAMPLES
from tam.evaluate.summary import ALL, Row
from tam.files.writing import rewriting_file

SENSES = "↑: a higher value is better; ↓: a lower one."
"""The explanation of the arrows in the headings."""

LEAST_ITEMS = 6
"""The fewest items for which a difference is marked: with fewer, even full agreement occurs by
chance at least once in twenty times."""


def write_summary(rows: Sequence[Row], reference: str, plan: Plan, out: Path, tagger: str) -> None:
    """Write ``summary.json`` and ``summary.md``."""
    document = {
        "plan": asdict(plan),
        "reference": reference,
        "tagger": tagger,
        "rows": rows_json(rows),
    }
    _replace(out / "summary.json", json.dumps(document, indent=1, allow_nan=False) + "\n")
    _replace(out / "summary.md", markdown(rows, reference, tagger))


def markdown(rows: Sequence[Row], reference: str, tagger: str) -> str:
    """Return all models, overall and split by split, as Markdown tables."""
    parts = []
    for model in dict.fromkeys(row.model for row in rows):
        for split in dict.fromkeys(row.split for row in rows if row.model == model):
            part = [row for row in rows if (row.model, row.split) == (model, split)]
            parts.append(_table(part, model, split, reference))
    parts.append(
        f"Means in per cent with 95 % intervals of {RESAMPLES} bootstrap draws of whole items. "
        f"{SENSES} ▲ and ▼: better and worse than {reference}, where the interval of the paired "
        f"difference does not hold 0 and there are at least {LEAST_ITEMS} items. "
        "Sensitivity is how far maps move under noise; randomized is their correlation with the "
        "maps of shuffled weights. "
        "Causes: cause is the share of words with one cause whose hottest object it is; AUROC and "
        "ρ compare heat with effects over the objects of a word; height is the AUROC of the map's "
        "height for whether anything in the picture causes the word; text is the same for "
        "relevance over earlier words. "
        "Words, phrases and sentences: areas under the curve of their mean probability, and its "
        "maximum; AMCR and CSR@10 %: the share of the picture that must be hidden to correct a "
        "false word, and how often a tenth is enough. "
        "Claims of the model's own replies: the share of false ones and of replies with one, and "
        "how well grounding and probability tell true from false; accuracy, precision, recall and "
        "F1 of answers to yes-or-no questions. "
        "ms: time of the method for each token that it explained, beside the recorded run. "
        f"Words were tagged by: {tagger}.\n"
    )
    return "\n".join(parts)


def printed(rows: Sequence[Row]) -> list[tuple[str, list[str], list[list[str]]]]:
    """Return title, header and cells of each model's overall tables, for a terminal.

    The intervals are left out, because a terminal has no room for them; the marks stay.
    """
    tables = []
    for model in dict.fromkeys(row.model for row in rows):
        own = [row for row in rows if row.model == model]
        split = ALL if any(row.split == ALL for row in own) else own[0].split
        part = [row for row in own if row.split == split]
        title = f"{model}: {part[0].items} items, {part[0].words} words with a mask"
        names = _columns(part)
        causes = [name for name in names if name.startswith(("cause_", "relevance_"))]
        curves = [name for name in names if name in CURVES]
        wrong = [name for name in names if name.startswith("correction_")]
        places = [name for name in names if name not in (*causes, *curves, *wrong)]
        for shown, told in (
            (places, title),
            (causes, f"{model}: causes"),
            (curves, f"{model}: curves of probability"),
            (wrong, f"{model}: corrections of {part[0].false_words} false words"),
        ):
            if shown:
                tables.append((told, _header(shown), _cells(part, shown, intervals=False)))
        if part[0].claims:
            told = f"{model}: {part[0].claims} claims of its own replies"
            tables.append((told, *_of_claims(part[0], intervals=False)))
    return tables


def _of_claims(row: Row, *, intervals: bool = True) -> tuple[list[str], list[list[str]]]:
    """Return header and cells of the figures of claims, which are the same for every method."""
    names = [n for n in CLAIMS if n in row.figures and METRICS[n].column]
    cells = [_figure(row, name, intervals=intervals) for name in names]
    return ["model", *map(_heading, names)], [[row.model, *cells]]


def _header(names: Sequence[str]) -> list[str]:
    """Return the headings of a table, each measure with an arrow in its better direction."""
    return ["method", *map(_heading, names), "ms ↓"]


def _heading(name: str) -> str:
    metric = metric_named(name)
    return f"{metric.column} {'↓' if metric.less_is_better else '↑'}"


def _table(rows: Sequence[Row], model: str, split: str, reference: str) -> str:
    names = _columns(rows)
    header = _header(names)
    false = f", {rows[0].false_words} false words" if rows[0].false_words else ""
    lines = [
        f"### {model}, {'all splits' if split == ALL else split}: "
        f"{rows[0].items} items, {rows[0].words} words with a mask{false}\n",
        f"| {' | '.join(header)} |",
        f"| --- |{' ---: |' * (len(header) - 1)}",
    ]
    lines += [f"| {' | '.join(cells)} |" for cells in _cells(rows, names)]
    if rows[0].claims:
        header, [cells] = _of_claims(rows[0])
        lines += [
            f"\n{rows[0].claims} claims of the model's own replies:\n",
            f"| {' | '.join(header)} |",
            f"| --- |{' ---: |' * (len(header) - 1)}",
            f"| {' | '.join(cells)} |",
        ]
    return "\n".join(lines) + "\n"


def _columns(rows: Sequence[Row]) -> list[str]:
    """Return the metrics with a column: some of the toolkit's own, and all added ones."""
    found = dict.fromkeys(name for row in rows for name in row.figures)
    own = [
        name
        for name, metric in METRICS.items()
        if metric.column and name in found and name not in CLAIMS
    ]
    return own + [name for name in found if name not in METRICS]


def _cells(rows: Sequence[Row], names: Sequence[str], *, intervals: bool = True) -> list[list[str]]:
    return [
        [
            row.method,
            *(_figure(row, name, intervals=intervals) for name in names),
            "–" if row.seconds_per_word is None else f"{row.seconds_per_word * 1000:.1f}",
        ]
        for row in rows
    ]


def _figure(row: Row, name: str, *, intervals: bool) -> str:
    value, difference = row.figures.get(name), row.differences.get(name)
    if value is None:
        return "–"
    mark = ""
    certain = difference is not None and (difference.low > 0 or difference.high < 0)
    enough = row.measured.get(name, row.items) >= LEAST_ITEMS
    if difference is not None and certain and enough:
        mark = " ▲" if (difference.low > 0) != metric_named(name).less_is_better else " ▼"
    between = f" [{100 * value.low:.1f}, {100 * value.high:.1f}]" if intervals else ""
    return f"{100 * value.value:.1f}{between}{mark}"


def _replace(path: Path, text: str) -> None:
    with rewriting_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def rows_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the rows as JSON values."""
    return [asdict(row) for row in rows]
