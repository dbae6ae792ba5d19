"""Versions of Python and of the libraries used, for an explanation's provenance."""

import platform
from importlib.metadata import version

from tam._version import __version__


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries, by name."""
    packages = {name: version(name) for name in ("transformers", "torch", "numpy")}
    return {"token-activation-map": __version__, "python": platform.python_version(), **packages}
