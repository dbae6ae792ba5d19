"""``tam methods``: the table of methods, and options typed for one of them."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from tam.errors import InputError
from tam.methods import METHODS
from tam.text.terminal import console


def methods_json() -> list[dict[str, Any]]:
    """The methods as JSON values."""
    return [
        {name: value for name, value in asdict(method).items() if name != "function"}
        for method in METHODS.values()
    ]


def print_methods() -> None:
    """Print the methods."""
    table = Table()
    for column in ("method", "what it does", "source", "cost beside the run"):
        table.add_column(column, overflow="fold")
    for method in METHODS.values():
        table.add_row(method.name, method.summary, method.source, method.cost)
    console().print(table)


def method_options(given: Sequence[str]) -> dict[str, Any]:
    """Read options of a method, each ``NAME=VALUE``; a value is JSON, or else text.

    Raises
    ------
    InputError
        If one is of another form.

    Examples
    --------
    >>> method_options(["layer=1", "heads=[0, 2]", "fill=mean"])
    {'layer': 1, 'heads': [0, 2], 'fill': 'mean'}
    """
    options = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name.isidentifier():
            raise InputError(
                f"{item!r} is no option of a method",
                where="--method-option",
                remedy="write NAME=VALUE, such as layer=1",
            )
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
    return options
