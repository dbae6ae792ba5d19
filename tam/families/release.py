"""The installed release of transformers, compared with those that some features need."""

from functools import cache
from importlib.metadata import version

from packaging.version import Version


@cache
def installed() -> str:
    """Return the installed release of transformers, which is not imported."""
    return version("transformers")


def is_older(first: str) -> bool:
    """Whether the installed transformers is older than a release; False for an empty one.

    Suffixes are ignored: a development version has what its release will have.
    """
    return bool(first) and Version(installed()).release < Version(first).release
