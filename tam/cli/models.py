"""``tam models``: the registry as a table."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.markup import escape
from rich.table import Table

from tam.families.family import Status
from tam.families.registry import compared_with, families, refusals
from tam.text.terminal import console


def models_json() -> dict[str, Any]:
    """The registry as JSON values."""
    return {
        "supported": [asdict(family) for family in families()],
        "refused": [asdict(refused) for refused in refusals()],
    }


def short_markdown() -> str:
    """The README's table: the most used families, and the number of the others."""
    shown = [family for family in families() if family.featured]
    rows = ["| family | for example | takes |", "| --- | --- | --- |"]
    rows += [f"| {f.name} | {f.examples[0]} | {', '.join(f.inputs)} |" for f in shown]
    types = sum(len(family.model_types) for family in families())
    rows += [
        "",
        f"These are {len(shown)} of {len(families())} families with {types} model types; "
        "[all of them](docs/families.md), with what each takes, and every model that is refused, "
        "with the reason.",
    ]
    return "\n".join(rows) + "\n"


def long_markdown() -> str:
    """All families, supported or not, as a page of the documentation."""
    parts = [_INTRODUCTION.format(version=compared_with()), _supported_markdown()]
    for status, (title, told) in _OTHERS.items():
        entries = [entry for entry in refusals() if entry.status == status]
        types = sum(len(entry.model_types) for entry in entries)
        rows = ["| family | `model_type` | why | instead |", "| --- | --- | --- | --- |"]
        rows += [
            f"| {e.name} | {_types(e.model_types)} | {e.reason} | {e.instead} |" for e in entries
        ]
        parts.append(f"## {title}\n\n{types} model types. {told}\n\n" + "\n".join(rows) + "\n")
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
        takes, notes = ", ".join(family.inputs), "; ".join(family.notes)
        row = (family.name, _types(family.model_types), checkpoints, takes, notes)
        rows.append(f"| {' | '.join(row)} |")
    return f"## Supported\n\n{types} model types in {len(families())} families.\n\n" + (
        "\n".join(rows) + "\n"
    )


def _types(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


_INTRODUCTION = """# Model families

`tam models` prints this page's tables. Every model type of the image-text and multimodal models of
transformers {version} has a row in one of them. A type that the installed release of transformers
does not have is refused by transformers itself, with the release to install.

A supported family passed, on a tiny random model with a real processor: the layout probe (blocks of
original pixels against the vision tokens that change), the head's scores from the kept states, a
reply read as it was written, several turns, a batch, and each kind of input that its row names.
Published checkpoints were not run. Those behind "should work" are fine-tuned from a supported
type; `tam verify MODEL` tells about any of them on your machine.
"""

_OTHERS: dict[Status, tuple[str, str]] = {
    "refused": (
        "Refused",
        "For a property of the architecture, or because the checkpoint runs code of its own.",
    ),
    "audio only": ("Sound, no pictures", "There is no picture to draw maps on."),
    "not yet": ("Not yet", "Nothing rules them out; nobody has placed their vision tokens."),
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
            "\n".join([*family.examples, *family.relatives, *map(_remark, family.notes)]),
        )
    printed.print(supported)
    for status, (title, _) in _OTHERS.items():
        others = _table(title, "family", "model type", "why; what instead")
        for entry in (entry for entry in refusals() if entry.status == status):
            why = "\n".join([entry.reason, *([_remark(entry.instead)] if entry.instead else [])])
            others.add_row(entry.name, "\n".join(entry.model_types), why)
        printed.print(others)


def _remark(text: str) -> str:
    return f"[italic]- {escape(text)}[/]"


def _table(title: str, *columns: str) -> Table:
    """A table whose last column takes the remaining width."""
    table = Table(title=title, title_justify="left", show_lines=True)
    for column in columns[:-1]:
        table.add_column(column, overflow="fold", max_width=18)
    table.add_column(columns[-1], overflow="fold", ratio=1)
    return table
