"""``tam methods``: the table of methods, or one of them with its options."""

from dataclasses import asdict, replace
from typing import Any

from rich.markup import escape
from rich.table import Table

from tam.errors import SetupError
from tam.methods import Method, choose, listed
from tam.methods.method import options_of
from tam.refine import REFINEMENTS
from tam.text.terminal import console

_WAITS = "maps at the end of the reply"


def methods_json(name: str | None = None) -> list[dict[str, Any]]:
    """The methods as JSON values, or one of them with its options."""
    if name is None:
        return [_json(method) for method in listed()]
    method, options = _asked(name)
    return [{**_json(method), "options": {key: repr(value) for key, value in options.items()}}]


def print_methods(name: str | None = None) -> None:
    """Print the methods, or one of them with its options."""
    table = Table()
    for column in ("method", "what it does", "source", "cost beside the run", "in a stream"):
        table.add_column(column, overflow="fold")
    method, options = (None, {}) if name is None else _asked(name)
    for row in listed() if method is None else [method]:
        streams = "" if row.error else ("maps with each word" if row.streams else _WAITS)
        table.add_row(row.name, escape(_summary(row)), row.source, row.cost, streams)
    shown = console()
    shown.print(table)
    if method is None:
        shown.print(_refinements())
    for option, default in options.items():
        shown.print(f"{option} = {default!r}", markup=False)


def _refinements() -> Table:
    """What the maps of any method can go through."""
    table = Table()
    for column in ("refinement", "what it does", "source", "cost beside the method"):
        table.add_column(column, overflow="fold")
    for step in REFINEMENTS.values():
        table.add_row(step.name, escape(step.summary), step.source, step.cost)
    return table


def _asked(name: str) -> tuple[Method, dict[str, Any]]:
    """One method and its options; a broken one of another package has an error and no options."""
    try:
        found = choose(name)
    except SetupError as error:
        for method in listed():
            if method.name == name:
                return replace(method, error=error.what), {}
        raise
    return found.method, options_of(found.function)


def _summary(method: Method) -> str:
    if method.error:
        return f"cannot be used: {method.error} (package {method.package})"
    if not method.package:
        return method.summary
    # Its summary is known only after it is imported.
    return f"{method.summary or 'see tam methods ' + method.name} (package {method.package})"


def _json(method: Method) -> dict[str, Any]:
    return {name: value for name, value in asdict(method).items() if name != "function"}
