"""Methods, metrics and exports that other packages add through entry points.

An entry point is listed from its package's metadata and imported when it is asked for by its name.
Packages add names and never replace one: an entry point whose name is taken, or that two packages
supply, is refused. The function that an entry point names is described in one place::

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
"""The groups of entry points."""

_ATTRIBUTE = "__tam_description__"
_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Description:
    """The description of a function of another package.

    Parameters
    ----------
    summary
        One line on what it does.
    source
        Its publication.
    cost
        Its cost in a few words.
    less_is_better
        For a metric: whether a lower value is the better one.
    """

    summary: str = ""
    source: str = ""
    cost: str = ""
    less_is_better: bool = False


def described(
    *, summary: str, source: str = "", cost: str = "", less_is_better: bool = False
) -> Callable[[_Function], _Function]:
    """Attach a :class:`Description` to a function, which is otherwise unchanged."""

    def attach(function: _Function) -> _Function:
        setattr(function, _ATTRIBUTE, Description(summary, source, cost, less_is_better))
        return function

    return attach


def description_of(function: Any) -> Description:
    """Return the description of a function; an empty one if it has none."""
    found = getattr(function, _ATTRIBUTE, None)
    return found if isinstance(found, Description) else Description()


@dataclass(frozen=True)
class Extension:
    """One entry point of a group.

    Parameters
    ----------
    name
        The name that users ask for.
    value
        Its target, ``"module:function"``.
    package
        Name and version of the package that supplies it.
    error
        Why it cannot be used, as far as known without importing it; empty if it can.
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
            If it cannot be used. No other command depends on it.
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
    """List the entry points of a group by their names, without importing any.

    Parameters
    ----------
    group
        ``METHODS``, ``METRICS`` or ``EXPORTS``.
    taken
        Names of the toolkit itself.
    """
    return tuple(sorted(_listed(group, taken), key=lambda found: (found.name, found.package)))


def _listed(group: str, taken: Collection[str]) -> Iterator[Extension]:
    from importlib.metadata import entry_points  # not for help, which lists none

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
    """The fault of an entry point, as far as its metadata show; empty if none."""
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
