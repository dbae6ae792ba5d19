"""Whether a reply names what a photograph shows."""

import re
from collections.abc import Iterable


def says(reply: str, name: str) -> bool:
    """Whether a reply holds a name as whole words, in the singular or with a plural's s.

    Upper and lower case are the same.
    """
    return re.search(rf"\b{re.escape(name)}(?:s|es)?\b", reply, re.IGNORECASE) is not None


def names_it(reply: str, accepted: Iterable[str]) -> bool:
    """Whether a reply holds one of the names that count as right."""
    return any(says(reply, name) for name in accepted)
