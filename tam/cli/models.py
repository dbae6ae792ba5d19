"""``tam models``: print the registry of model families as a table."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.markup import escape
from rich.table import Table

from tam.families.family import Family, Status
from tam.families.registry import compared_with, families, refusals
from tam.text.terminal import console


def models_json() -> dict[str, Any]:
    """Return the registry as JSON values."""
    return {
        "supported": [asdict(family) for family in families()],
        "refused": [asdict(refused) for refused in refusals()],
    }


def short_markdown() -> str:
    """Return the README's table: the most widely used families, and the number of all families."""
    shown = [family for family in families() if family.featured]
    rows = ["| family | for example | takes |", "| --- | --- | --- |"]
    rows += [f"| {f.name} | {f.examples[0]} | {', '.join(f.inputs)} |" for f in shown]
    types = sum(len(family.model_types) for family in families())
    rows += [
        "",
        f"These are {len(shown)} of {len(families())} families with {types} model types; "
        "[Model families](docs/families.md) lists all of them, and every model that is refused.",
    ]
    return "\n".join(rows) + "\n"


def long_markdown() -> str:
    """Return the documentation page that lists all families, supported and refused."""
    parts = [_INTRODUCTION.format(version=compared_with()), _supported_markdown()]
    for status, (title, why) in _OTHERS.items():
        entries = [entry for entry in refusals() if entry.status == status]
        if not entries:
            continue
        types = sum(len(entry.model_types) for entry in entries)
        rows = ["| family | `model_type` | why | instead |", "| --- | --- | --- | --- |"]
        rows += [
            f"| {e.name} | {_types(e.model_types)} | {e.reason} | {e.instead} |" for e in entries
        ]
        parts.append(f"## {title}\n\n{types} model types. {why}\n\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _supported_markdown() -> str:
    types = sum(len(family.model_types) for family in families())
    rows = [
        "| family | `model_type` | checkpoints | takes | notes |",
        "| --- | --- | --- | --- | --- |",
    ]
    for family in families():
        checkpoints = ", ".join(family.examples)
        if family.relatives:
            checkpoints += f"; should work: {', '.join(family.relatives)}"
        takes, notes = ", ".join(family.inputs), "; ".join(_notes(family))
        row = (family.name, _types(family.model_types), checkpoints, takes, notes)
        rows.append(f"| {' | '.join(row)} |")
    return f"## Supported\n\n{types} model types in {len(families())} families.\n\n" + (
        "\n".join(rows) + "\n"
    )


def _notes(family: Family) -> list[str]:
    """Return a family's notes, and the releases of transformers that its newer types need."""
    return [
        *family.notes,
        *(f"{name}: transformers {first}" for name, first in family.since.items()),
    ]


def _types(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


_INTRODUCTION = """# Model families

`tam models` prints this page's tables. Every model type among the image-text and multimodal models
of transformers {version} has a row in one of them. A type that the
installed release of transformers lacks is refused with the release to install.

Every supported family passed these checks on a tiny random model with a real processor: the layout
probe (which vision tokens change with blocks of original pixels), the head's scores from the
recorded states, reading a reply with the same result as generating it, several turns, a batch, and
each kind of input in its row. Published checkpoints were not run. Those after "should work" are
fine-tuned from a supported type. `tam verify MODEL` checks any of them on your machine.
"""

_OTHERS: dict[Status, tuple[str, str]] = {
    "refused": (
        "Refused",
        "The reason is a property of the architecture, or that the checkpoint needs custom code.",
    ),
    "audio only": ("Sound, no pictures", "There is no picture to draw maps on."),
    "not yet": (
        "Not yet",
        "Nothing rules them out, but the layout of their vision tokens has not been worked out.",
    ),
}


def print_models() -> None:
    """Print the registry."""
    printed = console()
    supported = _table("Supported", "family", "model type", "takes", "for example; notes")
    for family in families():
        supported.add_row(
            family.name,
            "\n".join(family.model_types),
            "\n".join(family.inputs),
            "\n".join([*family.examples, *family.relatives, *map(_remark, _notes(family))]),
        )
    printed.print(supported)
    for status, (title, _) in _OTHERS.items():
        entries = [entry for entry in refusals() if entry.status == status]
        if not entries:
            continue
        others = _table(title, "family", "model type", "why; what instead")
        for entry in entries:
            why = "\n".join([entry.reason, *([_remark(entry.instead)] if entry.instead else [])])
            others.add_row(entry.name, "\n".join(entry.model_types), why)
        printed.print(others)


def _remark(text: str) -> str:
    return f"[italic]- {escape(text)}[/]"


def _table(title: str, *columns: str) -> Table:
    """Return a table whose last column takes the remaining width."""
    table = Table(title=title, title_justify="left", show_lines=True)
    for column in columns[:-1]:
        table.add_column(column, overflow="fold", max_width=18)
    table.add_column(columns[-1], overflow="fold", ratio=1)
    return table
