"""The options of a reply from a command's arguments."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tam.errors import InputError
from tam.resolver import uncollected

if TYPE_CHECKING:
    from tam.explanation.explanation import Explanation
    from tam.model.model import Model
    from tam.model.options import Options
    from tam.prompt.conversation import Conversation


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
    """Make the options of a reply from a command's arguments, and check the method.

    Raises
    ------
    InputError
        If an option is not of the form NAME=VALUE, or the method or an option of it is unknown.
    """
    with uncollected():
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
    # Without --sample, the model's own default decides.
    sampled: Options = {"do_sample": True} if sample else {}
    more: Any = named_values(option or (), "--option")
    found: Options = {**written, **explained, **sampled, **more}
    return found


def methods_asked(methods: str, method_option: Sequence[str] | None) -> list[str]:
    """Read the names of several methods, separated by commas, and check each.

    Raises
    ------
    InputError
        If one is named twice or unknown, or options are given beside them.
    """
    from tam.model.options import chosen

    names = [name.strip() for name in methods.split(",") if name.strip()]
    if not names or len(set(names)) < len(names):
        raise InputError(
            f"{methods!r} does not name different methods",
            where="--methods",
            remedy="separate their names by commas, such as tam,attention",
        )
    if method_option:
        raise InputError(
            "options of one method cannot be given beside several",
            where="--method-option",
            remedy="use --method for the one that they belong to",
        )
    for name in names:
        chosen({"method": name})
    return names


def explained_by(
    model: "Model", conversation: "Conversation", wanted: "Options", methods: Sequence[str]
) -> tuple["Explanation", dict[str, "Explanation"]]:
    """Answer a conversation once, and explain the answer by each of some methods.

    Returns
    -------
    By the first, with the options asked for; and by the others, under their names.
    """
    from tam.model.options import Explaining

    first: Any = {
        name: value for name, value in wanted.items() if name in Explaining.__annotations__
    }
    running: Any = {name: value for name, value in wanted.items() if name not in first}
    recording = model.run(conversation, **running)
    result = model.explain_recording(recording, **first)
    return result, {name: model.explain_recording(recording, method=name) for name in methods[1:]}


def named_values(given: Sequence[str], where: str) -> dict[str, Any]:
    """Read options of the form ``NAME=VALUE``, whose values are JSON or else text.

    Raises
    ------
    InputError
        If an option is of another form.

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
