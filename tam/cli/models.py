"""``tam models``: the registry as a table."""

from dataclasses import asdict
from typing import Any

from rich.markup import escape
from rich.table import Table

from tam.families.registry import families, refusals
from tam.text.terminal import console


def models_json() -> dict[str, Any]:
    """The registry as JSON values."""
    return {
        "supported": [asdict(family) for family in families()],
        "refused": [asdict(refused) for refused in refusals()],
    }


def models_markdown() -> str:
    """The supported families as the README's table."""
    rows = [
        "| family | `model_type` | for example | takes | notes |",
        "| --- | --- | --- | --- | --- |",
    ]
    for family in families():
        types = ", ".join(f"`{name}`" for name in family.model_types)
        example = family.examples[0] if family.examples else ""
        takes, notes = ", ".join(family.inputs), "; ".join(family.notes)
        rows.append(f"| {family.name} | {types} | {example} | {takes} | {notes} |")
    return "\n".join(rows) + "\n"


def print_models() -> None:
    """Print the registry."""
    printed = console()
    supported = _table("Supported", "family", "model type", "takes", "for example; notes")
    for family in families():
        supported.add_row(
            family.name,
            "\n".join(family.model_types),
            "\n".join(family.inputs),
            "\n".join([*family.examples, *map(_remark, family.notes)]),
        )
    printed.print(supported)
    refused = _table("Refused", "family", "model type", "why; what instead")
    for entry in refusals():
        why = "\n".join([entry.reason, *([_remark(entry.instead)] if entry.instead else [])])
        refused.add_row(entry.name, "\n".join(entry.model_types), why)
    printed.print(refused)


def _remark(text: str) -> str:
    return f"[italic]- {escape(text)}[/]"


def _table(title: str, *columns: str) -> Table:
    """A table whose last column takes all the width that is left."""
    table = Table(title=title, title_justify="left", show_lines=True)
    for column in columns[:-1]:
        table.add_column(column, overflow="fold", max_width=18)
    table.add_column(columns[-1], overflow="fold", ratio=1)
    return table
