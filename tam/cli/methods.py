"""``tam methods``: print the table of methods, or one method with its options."""

import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, get_type_hints

from rich.markup import escape
from rich.table import Table

from tam.errors import SetupError
from tam.methods import Method, choose, listed
from tam.methods.method import options_of
from tam.methods.option_types import type_told
from tam.refine import REFINEMENTS
from tam.text.terminal import console

_WAITS = "maps at the end of the reply"


@dataclass(frozen=True)
class Option:
    """An option of a method, as its function declares it.

    Parameters
    ----------
    name
        Its name, as ``--method-option`` takes it.
    kind
        The type of its values, in words.
    default
        Its default, as Python writes it.
    summary
        Its description in the docstring of the function.
    """

    name: str
    kind: str
    default: str
    summary: str


def methods_json(name: str | None = None) -> list[dict[str, Any]]:
    """Return the methods as JSON values, or one of them with its options."""
    if name is None:
        return [_json(method) for method in listed()]
    method, function = _asked(name)
    return [{**_json(method), "options": [asdict(option) for option in options_told(function)]}]


def print_methods(name: str | None = None) -> None:
    """Print the methods, or one of them with its options."""
    shown = console()
    if name is not None:
        _print_method(*_asked(name))
        return
    table = Table()
    for column in ("method", "what it does", "source", "cost beside the run", "in a stream"):
        table.add_column(column, overflow="fold")
    for row in listed():
        cells = (row.name, _summary(row), row.source, row.cost, _streams(row))
        table.add_row(*map(escape, cells))
    shown.print(table)
    shown.print(_refinements())
    shown.print("The options of a method: tam methods NAME")


def options_told(function: Callable[..., Any] | None) -> list[Option]:
    """Describe a method's options from the signature and docstring of its function."""
    if function is None:
        return []
    try:
        kinds = get_type_hints(function)
    except (NameError, TypeError):  # another package's annotation, for type checkers only
        kinds = {}
    summaries = _parameters(inspect.getdoc(function) or "")
    return [
        Option(
            name,
            type_told(kinds[name]) if name in kinds else "",
            repr(default),
            summaries.get(name, ""),
        )
        for name, default in options_of(function).items()
    ]


def _parameters(doc: str) -> dict[str, str]:
    """Return the description of each parameter in a NumPy-style docstring."""
    found: dict[str, str] = {}
    names: list[str] = []
    _, _, section = doc.partition("Parameters\n----------\n")
    for line in section.splitlines():
        if line.startswith("---"):  # the underline of the next section
            break
        if line and not line[0].isspace():
            names = [name.strip() for name in line.partition(":")[0].split(",")]
        elif line.strip():
            for name in names:
                found[name] = f"{found.get(name, '')} {line.strip()}".strip()
    return found


def _print_method(method: Method, function: Callable[..., Any] | None) -> None:
    """Print the description of one method, and its options."""
    shown = console()
    shown.print(f"{method.name}: {_summary(method)}", markup=False)
    facts = Table.grid(padding=(0, 2))
    rows = (
        ("source", method.source),
        ("cost beside the run", method.cost),
        ("in a stream", _streams(method)),
    )
    for name, value in rows:
        if value:
            facts.add_row(name, escape(value))
    shown.print(facts)
    options = options_told(function)
    if not options:
        shown.print("It has no options.")
        return
    table = Table()
    for column in ("option", "default", "value", "what it is"):
        table.add_column(column, overflow="fold")
    for option in options:
        cells = (option.name, _typed(option.default), option.kind, option.summary)
        table.add_row(*map(escape, cells))
    shown.print(table)
    shown.print(
        f"tam explain … --method {method.name} "
        f"--method-option {options[0].name}={_typed(options[0].default)}",
        markup=False,
    )


def _typed(default: str) -> str:
    """Format a default value as it would be typed on the command line."""
    return {"None": "null", "True": "true", "False": "false"}.get(default, default.strip("'"))


def _streams(method: Method) -> str:
    if method.error:
        return ""
    return "maps with each word" if method.streams else _WAITS


def _refinements() -> Table:
    """Return the table of refinements, which apply to the maps of any method."""
    table = Table()
    for column in ("refinement", "what it does", "source", "cost beside the method"):
        table.add_column(column, overflow="fold")
    for step in REFINEMENTS.values():
        table.add_row(step.name, escape(step.summary), step.source, step.cost)
    return table


def _asked(name: str) -> tuple[Method, Callable[..., Any] | None]:
    """Return a method and its function; a broken one has an error and no function."""
    try:
        found = choose(name)
    except SetupError as error:
        for method in listed():
            if method.name == name:
                return replace(method, error=error.what), None
        raise
    return found.method, found.function


def _summary(method: Method) -> str:
    if method.error:
        return f"cannot be used: {method.error} (package {method.package})"
    if not method.package:
        return method.summary
    # The summary of another package's method is known only once it is imported.
    return f"{method.summary or 'see tam methods ' + method.name} (package {method.package})"


def _json(method: Method) -> dict[str, Any]:
    return {name: value for name, value in asdict(method).items() if name != "function"}
