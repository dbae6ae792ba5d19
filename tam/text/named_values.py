"""Options of the form ``NAME=VALUE``, and lists of names that may have options in brackets."""

import json
from collections.abc import Sequence
from typing import Any

from tam.errors import InputError


def named_values(given: Sequence[str], where: str) -> dict[str, Any]:
    """Parse options of the form ``NAME=VALUE``; values that are not JSON are text.

    Raises
    ------
    InputError
        If an option has a different form, or a name occurs twice.

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
        if name in options:
            raise InputError(f"{name} is given twice", where=where, remedy="give it once")
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
    return options


def split_list(text: str) -> list[str]:
    """Split a list at its commas, but not at those inside brackets.

    Examples
    --------
    >>> split_list("tam, occlusion[size=3,batch=8]")
    ['tam', 'occlusion[size=3,batch=8]']
    """
    items, depth = [""], 0
    for character in text:
        depth += (character == "[") - (character == "]")
        if character == "," and depth <= 0:
            items.append("")
        else:
            items[-1] += character
    return [item.strip() for item in items]
