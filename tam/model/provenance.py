"""Versions of Python and the libraries of a run, for an explanation's provenance."""

import platform
from importlib.metadata import version

from tam._version import __version__


def versions() -> dict[str, str]:
    """Versions of Python and the libraries of a run."""
    packages = {name: version(name) for name in ("transformers", "torch", "numpy")}
    return {"token-activation-map": __version__, "python": platform.python_version(), **packages}
