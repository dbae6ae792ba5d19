"""Suggestions for mistyped names."""

from collections.abc import Iterable
from difflib import get_close_matches


def suggestion(name: str, known: Iterable[str], *, otherwise: str = "use") -> str:
    """Suggest the closest known name; if none is close, list them all.

    Examples
    --------
    >>> suggestion("kernel_sise", ["kernel_size", "stages"])
    "did you mean 'kernel_size'?"
    >>> suggestion("depth", ["layer"], otherwise="it has")
    'it has layer'
    """
    names = list(known)
    near = get_close_matches(name, names, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"{otherwise} {', '.join(names) or 'none'}"
