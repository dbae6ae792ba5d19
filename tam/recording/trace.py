"""A trace: the part of a recorded run that methods read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tam.explanation.explanation import Prediction
from tam.geometry.layout import TextLayout, VisionLayout
from tam.media.media import Media

if TYPE_CHECKING:
    import torch

    from tam.recording.lm_head import LMHead

__all__ = ["Trace"]


@dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """The part of a recorded run that methods read.

    Parameters
    ----------
    media
        The pictures and clips in the prompt.
    vision
        Layout of the N vision cells.
    text
        Layout of the K targets.
    states
        [N + K, D] in the model's dtype: last hidden states, after the final norm, of the vision
        cells, then of the targets' context positions.
    lm_head
        The LM head, which scores the states: ``lm_head.scores(ids, states)``.
    predictions
        Probability and candidates of each of the reply's targets.
    provenance
        Model, method and notes of the run. JSON values only.
    candidate_scores
        float32 [N + K, R * C] without ReLU: scores of the same states for the first C candidates of
        each of the reply's R tokens; None if no candidate is explained.
    """

    media: tuple[Media, ...]
    vision: VisionLayout
    text: TextLayout
    states: "torch.Tensor"
    lm_head: "LMHead"
    predictions: tuple[Prediction, ...]
    provenance: Mapping[str, Any]
    candidate_scores: "torch.Tensor | None" = None

    @property
    def cells(self) -> int:
        """The number N of vision cells."""
        return len(self.states) - len(self.text.tokens)

    @property
    def vision_states(self) -> "torch.Tensor":
        """The states of the vision cells, [N, D]."""
        return self.states[: self.cells]

    @property
    def context_states(self) -> "torch.Tensor":
        """The states at the targets' context positions, [K, D]."""
        return self.states[self.cells :]

    def __repr__(self) -> str:
        cells, width = self.vision_states.shape
        dtype = str(self.states.dtype).removeprefix("torch.")
        return f"<Trace of {cells} cells and {self.text!r}, states {width} wide in {dtype}>"
