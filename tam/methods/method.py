"""A row of the table of methods, and a method with its options."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tam.defaults import KERNEL_SIZE
from tam.resolver import resolve


@dataclass(frozen=True)
class Method:
    """A row of the table: a way to explain a recorded run.

    Parameters
    ----------
    name
        Its name, also the value of ``--method``.
    summary
        One line on what it does.
    source
        Its publication; empty for a control.
    function
        ``"module:function"``, imported on first use: see :mod:`tam.methods`.
    cost
        Its cost in addition to the recorded run. A word here is a token that is explained.
    replays
        Whether it needs the model again, for another pass or for the LM head.
    streams
        Whether a stream yields a word's map as soon as the word is finished. The other methods need
        the whole reply: their words are streamed without maps, which follow at the end.
    candidates
        Whether it can also map the candidates of each token (``candidate_maps``).
    relevance
        Whether it also computes the relevance of earlier words.
    cross_attention
        Whether it can explain models that read pictures only through cross-attention: not, if it
        reads states or attention weights at the vision tokens' positions in the sequence; also
        those; or only those.
    package
        The package that adds it; empty for a method of the toolkit.
    error
        Why it cannot be used; empty if it can be.
    """

    name: str
    summary: str
    source: str
    function: str
    cost: str
    replays: bool = True
    streams: bool = False
    candidates: bool = False
    relevance: bool = False
    cross_attention: Literal["not", "also", "only"] = "not"
    package: str = ""
    error: str = ""

    def load(self) -> Callable[..., Any]:
        """Import the function of a method of the toolkit."""
        function: Callable[..., Any] = resolve(self.function)
        return function

    def options(self) -> dict[str, Any]:
        """Return its options and their defaults; this imports its function."""
        return options_of(self.load())


def options_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the keyword-only parameters of a method's function, with their defaults."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


@dataclass(frozen=True)
class Use:
    """A method, given by its name, with its options.

    Examples
    --------
    >>> Use("grad-cam", {"layer": -3}).name
    'grad-cam'
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


class Tam(Use):
    """The Token Activation Map with its options.

    Parameters
    ----------
    kernel_size
        Odd side of the rank Gaussian filter's window, in cells.
    eci_cap
        The largest scale at which the interference of earlier words is subtracted, 0 or more; None
        for no limit, as published. A limit such as 1 can help if a model's earlier words explain
        too much away, so that maps are empty where the object is.
    stages
        Also keep the maps before scaling and filtering.

    Examples
    --------
    >>> Tam(kernel_size=5).options["kernel_size"]
    5
    """

    def __init__(
        self,
        *,
        kernel_size: int = KERNEL_SIZE,
        eci_cap: float | None = None,
        stages: bool = False,
    ) -> None:
        options = {"kernel_size": kernel_size, "eci_cap": eci_cap, "stages": stages}
        super().__init__("tam", options)
