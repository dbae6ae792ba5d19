"""The table of refinements: one entry each. Reading it imports none of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tam.errors import InputError
from tam.resolver import resolve
from tam.text.nearest import suggestion


@dataclass(frozen=True)
class Refinement:
    """A row of the table: a step that refines maps.

    Parameters
    ----------
    name
        Its name, as written after a method's name and as a value of ``--refine``.
    summary
        One line on what it does.
    source
        Its publication.
    function
        ``"module:function"``, imported on first use.
    cost
        Its cost in addition to the method's.
    """

    name: str
    summary: str
    source: str
    function: str
    cost: str

    def load(self) -> Callable[..., Any]:
        """Import its function."""
        function: Callable[..., Any] = resolve(self.function)
        return function


_TABLE = (
    Refinement(
        "color-affinity",
        "each cell takes from dilated neighbors of its color, ten times over",
        "arXiv 2303.01267",
        "tam.refine.color_affinity:color_affinity",
        "ten sums over 24 neighbors",
    ),
    Refinement(
        "state-affinity",
        "heat spreads to cells with alike states, inside boxes around what is hot",
        "arXiv 2503.20826",
        "tam.refine.state_affinity:state_affinity",
        "2 matrix products [N, N] a word",
    ),
    Refinement(
        "attention-affinity",
        "heat spreads to cells that attend to each other, inside boxes around what is hot",
        "arXiv 2503.20826",
        "tam.refine.attention_affinity:attention_affinity",
        "1 forward, 2 matrix products [N, N] a word",
    ),
    Refinement(
        "grow-shrink",
        "grows from the peak as far as heat connects, shrinks where other words are hotter",
        "arXiv 2209.07761",
        "tam.refine.grow_shrink:grow_shrink",
        "one sort of the cells a word",
    ),
    Refinement(
        "mirror",
        "the mean with the map of the mirrored picture",
        "arXiv 2004.04581",
        "tam.refine.mirror:mirror",
        "the run and the method once more",
    ),
    Refinement(
        "scales",
        "the mean with the maps of a smaller and a larger picture",
        "arXiv 2509.22415",
        "tam.refine.scales:scales",
        "the run and the method twice more",
    ),
    Refinement(
        "agreement",
        "heat on which the picture, its mirror image and an enlarged one agree",
        "arXiv 2303.07806",
        "tam.refine.agreement:agreement",
        "the run and the method twice more",
    ),
    Refinement(
        "crops",
        "the mean with the maps of 4 and of 16 enlarged crops",
        "arXiv 2209.07828",
        "tam.refine.crops:crops",
        "the run and the method 20 times more",
    ),
    Refinement(
        "joint-kernels",
        "each cell takes from cells that are like it in color, state and attention",
        "arXiv 2502.15885",
        "tam.refine.joint_kernels:joint_kernels",
        "1 forward, 3 matrix products [N, N] a word",
    ),
)

REFINEMENTS: Mapping[str, Refinement] = {step.name: step for step in _TABLE}
"""Every refinement, by name."""


def refinements(names: Sequence[str]) -> tuple[Refinement, ...]:
    """Return the refinements with these names, in order; a string is one name.

    Raises
    ------
    InputError
        If a name is unknown.
    """
    names = (names,) if isinstance(names, str) else tuple(names)
    for name in names:
        if name not in REFINEMENTS:
            raise InputError(
                f"unknown refinement {name!r}",
                where="refine",
                remedy=suggestion(name, REFINEMENTS, otherwise="use"),
            )
    return tuple(REFINEMENTS[name] for name in names)
