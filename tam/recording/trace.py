"""One recorded run: what the model was given, what it answered, and the states behind it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tam.explanation.explanation import Prediction
from tam.geometry.layout import TextLayout, VisionLayout
from tam.media.media import Media

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """One recorded run, all that a method needs.

    Parameters
    ----------
    media
        The pictures and clips that the model saw.
    vision
        Places of the N vision cells.
    text
        The K targets.
    vision_states
        [N, D] in the model's dtype: final-normed last hidden states of the vision cells.
    context_states
        [K, D]: the same at the targets' context positions.
    head_rows
        [K, D]: LM-head rows of the targets, or None where the head does not give them.
    scores
        float32 [N + K, K] without ReLU: products of the states, vision first, with the head's rows,
        where the head gives scores but no rows; else None.
    predictions
        One for each of the reply's targets.
    provenance
        What ran. JSON values only.
    candidate_scores
        float32 [N + K, R * C] without ReLU: the same states with the rows of the first C candidates
        of each of the reply's R tokens; None where no candidate is explained.
    """

    media: tuple[Media, ...]
    vision: VisionLayout
    text: TextLayout
    vision_states: "torch.Tensor"
    context_states: "torch.Tensor"
    head_rows: "torch.Tensor | None"
    scores: "torch.Tensor | None"
    predictions: tuple[Prediction, ...]
    provenance: Mapping[str, Any]
    candidate_scores: "torch.Tensor | None" = None

    def __repr__(self) -> str:
        cells, width = self.vision_states.shape
        dtype = str(self.vision_states.dtype).removeprefix("torch.")
        return f"<Trace of {cells} cells and {self.text!r}, states {width} wide in {dtype}>"
