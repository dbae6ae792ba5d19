"""From what was typed to the options of a reply."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tam.errors import InputError

if TYPE_CHECKING:
    from tam.model.options import Options


def reply_options(
    *,
    max_new_tokens: int,
    seed: int | None,
    sample: bool,
    method: str,
    method_option: Sequence[str] | None,
    refine: str,
    stages: bool,
    candidate_maps: int,
    option: Sequence[str] | None,
    answer: str | None = None,
) -> "Options":
    """Make the options of a reply out of what was typed, and check its method.

    Raises
    ------
    InputError
        If an option is not of the form NAME=VALUE, or there is no such method or option of it.
    """
    from tam.model.options import check_candidate_maps, chosen

    written: Options = {"answer": answer, "max_new_tokens": max_new_tokens, "seed": seed}
    explained: Options = {
        "method": method,
        "method_options": named_values(method_option or (), "--method-option"),
        "refine": [name.strip() for name in refine.split(",")] if refine else [],
        "stages": stages,
        "candidate_maps": candidate_maps,
    }
    check_candidate_maps(chosen(explained), candidate_maps)
    # The model's own default decides where nothing is to be sampled.
    sampled: Options = {"do_sample": True} if sample else {}
    more: Any = named_values(option or (), "--option")
    found: Options = {**written, **explained, **sampled, **more}
    return found


def named_values(given: Sequence[str], where: str) -> dict[str, Any]:
    """Read options, each ``NAME=VALUE``; a value is JSON, or else text.

    Raises
    ------
    InputError
        If one is of another form.

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
