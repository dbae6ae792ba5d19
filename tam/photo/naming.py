"""Tests of whether a reply names what a photograph shows."""

import re
from collections.abc import Iterable


def says(reply: str, name: str) -> bool:
    """Whether a reply contains a name as whole words, singular or plural (-s, -es), in any case."""
    return re.search(rf"\b{re.escape(name)}(?:s|es)?\b", reply, re.IGNORECASE) is not None


def names_it(reply: str, accepted: Iterable[str]) -> bool:
    """Whether a reply contains one of the accepted names."""
    return any(says(reply, name) for name in accepted)
