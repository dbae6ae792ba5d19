"""The application of refinements to the maps of an explanation."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tam.explanation.explanation import Explanation
from tam.geometry.layout import VisionGrid
from tam.refine.table import Refinement

if TYPE_CHECKING:
    from tam.recording.trace import Trace
    from tam.replay import Replay

Maps = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Work:
    """The run that a refinement may read and repeat.

    Parameters
    ----------
    replay
        The replay of the recorded run.
    targets
        Indices of the T targets that were explained.
    method
        A function that explains the same targets in another run of the same reply.
    """

    replay: "Replay"
    targets: Sequence[int]
    method: "Callable[[Replay], Explanation]"

    @property
    def trace(self) -> "Trace":
        """The recorded run."""
        return self.replay.trace

    def frames(self) -> Iterator[tuple[VisionGrid, int, slice]]:
        """Iterate over the temporal cells of all grids: the grid, the step, and its columns."""
        first = 0
        for grid in self.trace.vision.grids:
            size = grid.shape[1] * grid.shape[2]
            for step in range(grid.shape[0]):
                yield grid, step, slice(first, first + size)
                first += size


def refined(explanation: Explanation, steps: Sequence[Refinement], work: "Work") -> Explanation:
    """Apply refinements to the maps of an explanation, in order.

    Returns
    -------
    The explanation with refined maps, and the refinements' names in its provenance. It has no
    candidates' maps, because refinements apply only to the words' maps.
    """
    rows = list(work.targets)
    found = explanation.maps[rows]
    for step in steps:
        found = np.clip(step.load()(found, work), 0, 1).astype(np.float32)
    maps = explanation.maps.copy()
    maps[rows] = found
    method = {**explanation.provenance["method"], "refinements": [step.name for step in steps]}
    provenance = {**explanation.provenance, "method": method}
    return replace(explanation, maps=maps, candidate_maps=None, provenance=provenance)
