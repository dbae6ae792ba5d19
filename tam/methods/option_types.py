"""Type checks of a method's options against the annotations of its function."""

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from tam.errors import InputError

_PLAIN = (int, float, bool, str, type(None))


def check_types(function: Callable[..., Any], options: Mapping[str, Any], where: str) -> None:
    """Refuse option values that do not match the function's annotations.

    Annotations of numbers, strings, booleans, sequences and unions of these are checked; other
    values are left to the function.

    Raises
    ------
    InputError
        If a value does not match. The message names the first one.
    """
    try:
        wanted = get_type_hints(function)
    except (NameError, TypeError):  # imported only for type checkers, or not a plain function
        return
    for name, value in options.items():
        if name in wanted and not _fits(value, wanted[name]):
            raise InputError(
                f"the option {name} cannot be {value!r}",
                where=where,
                remedy=f"give {type_told(wanted[name])}",
            )


def _fits(value: Any, kind: Any) -> bool:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in get_args(kind))
    if origin is Sequence or kind is Sequence:
        return not isinstance(value, str) and isinstance(value, Sequence)
    if kind is float:
        return isinstance(value, Real) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, Integral) and not isinstance(value, bool)
    return kind not in _PLAIN or isinstance(value, kind)


def type_told(kind: Any) -> str:
    """Describe the type of an annotation in words: ``int | str`` is "an integer or a text"."""
    names = {int: "an integer", float: "a number", bool: "true or false", str: "a text"}
    parts = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    known = [names.get(part, "a list") for part in parts if part is not type(None)]
    return " or ".join(known)
