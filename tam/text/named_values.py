"""Options of the form ``NAME=VALUE``."""

import json
from collections.abc import Sequence
from typing import Any

from tam.errors import InputError


def named_values(given: Sequence[str], where: str) -> dict[str, Any]:
    """Parse options of the form ``NAME=VALUE``; values that are not JSON are text.

    Raises
    ------
    InputError
        If an option has a different form.

    Examples
    --------
    >>> named_values(["layer=1", "heads=[0, 2]", "fill=mean"], "--method-option")
    {'layer': 1, 'heads': [0, 2], 'fill': 'mean'}
    """
    options = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name.isidentifier():
            raise InputError(
                f"{item!r} is not of the form NAME=VALUE",
                where=where,
                remedy="write a name and a value, such as layer=1",
            )
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
    return options
