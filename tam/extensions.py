"""Methods, metrics and exports that other packages add through entry points.

Entry points are listed from package metadata; each is imported only when it is requested by name.
Packages can add names but not replace them: an entry point is refused if its name is already taken
or if two packages supply it. A decorator describes the function that an entry point refers to::

    @described(summary="noise", source="arXiv 2000.00000", cost="nothing")
    def my_method(trace, replay, targets): ...
"""

import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from tam.errors import SetupError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["Description", "described"]

METHODS, METRICS, EXPORTS = "tam.methods", "tam.metrics", "tam.exports"
"""The entry point groups."""

_ATTRIBUTE = "__tam_description__"
_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Description:
    """The description of a function supplied by another package.

    Parameters
    ----------
    summary
        One line on what it does.
    source
        Its publication.
    cost
        Its cost in a few words.
    less_is_better
        For a metric, whether lower values are better.
    """

    summary: str = ""
    source: str = ""
    cost: str = ""
    less_is_better: bool = False


def described(
    *, summary: str, source: str = "", cost: str = "", less_is_better: bool = False
) -> Callable[[_Function], _Function]:
    """Return a decorator that attaches a :class:`Description` to a function."""

    def attach(function: _Function) -> _Function:
        setattr(function, _ATTRIBUTE, Description(summary, source, cost, less_is_better))
        return function

    return attach


def description_of(function: Any) -> Description:
    """Return the description of a function, or an empty one if it has none."""
    found = getattr(function, _ATTRIBUTE, None)
    return found if isinstance(found, Description) else Description()


@dataclass(frozen=True)
class Extension:
    """One entry point of a group.

    Parameters
    ----------
    name
        The name by which users request it.
    value
        Its target, ``"module:function"``.
    package
        Name and version of the package that supplies it.
    error
        Why it cannot be used, as far as is known without importing it; empty if no fault is known.
    """

    name: str
    value: str
    package: str
    error: str = ""
    entry: "EntryPoint | None" = None

    def load(self) -> Callable[..., Any]:
        """Import the function.

        Raises
        ------
        SetupError
            If it cannot be imported or used.
        """
        where = f"{self.name} ({self.value} of the package {self.package})"
        remedy = "update or uninstall that package"
        if self.error or self.entry is None:
            raise SetupError(self.error, where=where, remedy=remedy)
        try:
            function = self.entry.load()
        except (Exception, SystemExit) as error:
            what = f"cannot be imported ({type(error).__name__}: {error})"
            raise SetupError(what, where=where, remedy=remedy) from error
        if not callable(function):
            raise SetupError("is not a function", where=where, remedy=remedy)
        loaded: Callable[..., Any] = function
        return loaded


def extensions(group: str, taken: Collection[str]) -> tuple[Extension, ...]:
    """List the entry points of a group, sorted by name, without importing any.

    Parameters
    ----------
    group
        ``METHODS``, ``METRICS`` or ``EXPORTS``.
    taken
        Names that the toolkit itself uses.
    """
    return tuple(sorted(_listed(group, taken), key=lambda found: (found.name, found.package)))


def _listed(group: str, taken: Collection[str]) -> Iterator[Extension]:
    from importlib.metadata import entry_points  # slow to import, and help lists no entry points

    found = list(entry_points(group=group))
    for entry in found:
        others = {_package(other) for other in found if other.name == entry.name}
        if entry.name in taken:
            error = f"the toolkit has a {entry.name!r} of its own; packages add, never replace"
        elif len(others) > 1:
            error = f"{' and '.join(sorted(others))} both supply it"
        else:
            error = _fault(entry)
        yield Extension(entry.name, entry.value, _package(entry), error, entry)


def _fault(entry: "EntryPoint") -> str:
    """Describe the fault that an entry point's metadata shows; empty if there is none."""
    try:
        top = entry.module.partition(".")[0]
        there = top in sys.modules or find_spec(top) is not None
        attribute = entry.attr
    except (AttributeError, ValueError, ImportError):
        return f"{entry.value!r} is not of the form module:function"
    if not attribute:
        return f"{entry.value!r} does not name a function"
    return "" if there else f"cannot be imported (no module named {top!r})"


def _package(entry: "EntryPoint") -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else entry.module
