"""The engine's result: the maps of some targets, and the stages that led to them."""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any


@dataclass(frozen=True, eq=False, repr=False)
class TokenActivationMaps:
    """Maps of M targets over N vision cells.

    Every array is float32; like the inputs, torch tensors on their device or NumPy arrays.

    Parameters
    ----------
    maps
        [M, N] in [0, 1]: jointly scaled and filtered.
    text_scores
        [M, K]: row t holds X[i, t] for i < scale_stop[t], else 0.
    relevance
        [M, K] in [0, 1]: the text scores on the scale of the target's map.
    stages
        The values of ``activation`` and ``after_eci``, or a call that computes them.
    """

    maps: Any
    text_scores: Any
    relevance: Any
    stages: "tuple[Any, Any] | partial[TokenActivationMaps]"

    @property
    def activation(self) -> Any:
        """[M, N]: projection of the vision states on each target's row.

        If the stages were not kept, this and ``after_eci`` are computed on first access from the
        inputs, to which the result keeps a reference.
        """
        return self._kept[0]

    @property
    def after_eci(self) -> Any:
        """[M, N]: the same after estimated causal inference."""
        return self._kept[1]

    @cached_property
    def _kept(self) -> tuple[Any, Any]:
        return self.stages if isinstance(self.stages, tuple) else self.stages()._kept

    def numpy(self) -> "TokenActivationMaps":
        """Convert tensors on a CPU to NumPy arrays."""
        stages = self.stages
        if isinstance(stages, tuple):
            stages = (stages[0].numpy(), stages[1].numpy())
        parts = (self.maps.numpy(), self.text_scores.numpy(), self.relevance.numpy())
        return TokenActivationMaps(*parts, stages)

    def __repr__(self) -> str:
        targets, cells = self.maps.shape
        return f"<TokenActivationMaps of {targets} targets on {cells} cells>"
