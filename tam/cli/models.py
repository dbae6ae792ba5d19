"""``tam models``: the registry as a table."""

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from tam.registry import families, refusals


def models_json() -> dict[str, Any]:
    """The registry as JSON values."""
    return {
        "supported": [asdict(family) for family in families()],
        "refused": [asdict(refused) for refused in refusals()],
    }


def models_markdown() -> str:
    """The supported families as the README's table."""
    rows = ["| family | `model_type` | for example | takes |", "| --- | --- | --- | --- |"]
    for family in families():
        types = ", ".join(f"`{name}`" for name in family.model_types)
        example = family.examples[0] if family.examples else ""
        rows.append(f"| {family.name} | {types} | {example} | {', '.join(family.inputs)} |")
    return "\n".join(rows) + "\n"


def print_models() -> None:
    """Print the registry."""
    console = Console()
    supported = Table(title="Supported", title_justify="left")
    for column in ("family", "model type", "takes", "for example"):
        supported.add_column(column, overflow="fold")
    for family in families():
        supported.add_row(
            family.name,
            ", ".join(family.model_types),
            ", ".join(family.inputs),
            "\n".join(family.examples),
        )
    console.print(supported)
    refused = Table(title="Refused", title_justify="left")
    for column in ("family", "model type", "why", "instead"):
        refused.add_column(column, overflow="fold")
    for entry in refusals():
        refused.add_row(entry.name, ", ".join(entry.model_types), entry.reason, entry.instead)
    console.print(refused)
