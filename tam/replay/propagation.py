"""Relevance of each position for a token's logit, by the rules of AttnLRP."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tam.errors import ModelError
from tam.replay.lrp_attention import Softmax, softmaxes_kept
from tam.replay.lrp_pixels import PixelRules
from tam.replay.lrp_rules import Rules
from tam.replay.pixel_cells import REMEDY, pixel_cells
from tam.replay.replay import Replay

# The largest difference between the logit and the sum of its parts, relative to the sum of the
# parts' absolute values.
_ROUNDING = {torch.float32: 1e-3}
_HALF_ROUNDING = 0.1


@dataclass(frozen=True, eq=False)
class Relevances:
    """The decomposition of the logits of some targets.

    Parameters
    ----------
    positions
        float32 [T, L]: the relevance of each position of the sequence. With pixels, the position
        of a cell has the sum of the cell's pixels.
    outside
        float32 [T]: the relevance of pixels that are in no cell; 0 without pixels.
    biases, softmaxes
        float32 [T]: the parts of the biases and of the softmaxes. With pixels, the biases include
        all that the vision tower adds, such as position embeddings and class tokens.
    logits
        float32 [T]: the head's scores, before any capping or scaling by the family.
    """

    positions: NDArray[np.float32]
    outside: NDArray[np.float32]
    biases: NDArray[np.float32]
    softmaxes: NDArray[np.float32]
    logits: NDArray[np.float32]

    @property
    def remainder(self) -> NDArray[np.float32]:
        """The part of the logits that remains unexplained, float32 [T]."""
        parts = self.outside + self.biases + self.softmaxes
        explained: NDArray[np.float32] = self.positions.sum(1) + parts
        return self.logits - explained

    @property
    def sizes(self) -> NDArray[np.float32]:
        """The sum of the absolute values of the parts, float32 [T]."""
        parts = np.abs(self.outside) + np.abs(self.biases) + np.abs(self.softmaxes)
        sizes: NDArray[np.float32] = np.abs(self.positions).sum(1) + parts
        return sizes


def propagate(replay: Replay, targets: Sequence[int], *, pixels: bool = False) -> Relevances:
    """Propagate each target's logit back to the input of the language model, or to the pixels.

    This takes one forward pass, and one backward pass for each target. To find the cells of pixels
    takes a further forward pass, and some backward passes through the vision tower alone.

    Raises
    ------
    ModelError
        If a module of the decoder, or of the vision tower with ``pixels``, has no rule, or the
        parts do not add up to the logit, which means that an operation has no rule. With
        ``pixels`` also if pixels cannot be placed in cells.
    """
    head, trace = replay.checkpoint.lm_head, replay.trace
    places = pixel_cells(replay) if pixels else None
    rules = PixelRules(replay) if pixels else Rules(replay.layers, replay.final_norm, head)
    with softmaxes_kept() as softmaxes:
        run = replay.run(targets, gradients=True, rules=rules)
    [logits] = rules.logits
    length = rules.inputs[0].shape[1]
    rows = trace.text.context_positions[list(targets)] - (length - logits.shape[1])
    ids = trace.text.ids[list(targets)]
    scores = logits[0, torch.from_numpy(rows), torch.from_numpy(ids)].float()
    bias = getattr(head, "bias", None)
    head_bias = np.zeros(len(ids), np.float32)
    if isinstance(bias, torch.Tensor):
        head_bias = bias.detach().float().cpu().numpy()[ids]
    positions = np.zeros((len(ids), length), np.float32)
    outside, biases, absorbed = np.zeros((3, len(ids)), np.float32)
    for row, score in enumerate(scores):
        positions[row], of_pixels, biases[row], absorbed[row] = _parts(score, rules, softmaxes)
        if places is not None:
            cells = np.bincount(places.cells, of_pixels[places.rows], places.count)
            positions[row, trace.vision.positions] += cells.astype(np.float32)
            outside[row] = of_pixels.sum() - cells.sum()
    result = Relevances(
        positions, outside, biases + head_bias, absorbed, scores.detach().cpu().numpy()
    )
    dtype = run.scores.dtype if logits.dtype == torch.float32 else logits.dtype
    _check(replay, result, dtype, pixels=pixels)
    return result


def _parts(
    score: torch.Tensor, rules: Rules, softmaxes: Sequence[Softmax]
) -> tuple[NDArray[np.float32], NDArray[np.float64], float, float]:
    """Return the relevance of positions [L], pixels (flat), biases and softmaxes for one score.

    This takes one backward pass. A softmax's part is what its gradient does not pass on: the
    relevance of its weights minus that of its scores.
    """
    injected = list(rules.injected())
    inputs = [states for states, _ in injected]
    pixels = list(rules.pixels.values())
    biased_outputs = [output for output, _ in rules.biased]
    softmax_tensors = [tensor for pair in softmaxes for tensor in pair]
    gradients = torch.autograd.grad(
        score,
        [*inputs, *pixels, *biased_outputs, *softmax_tensors],
        retain_graph=True,
        materialize_grads=True,
    )
    remaining = iter(gradients)
    positions = sum((part.float() * next(remaining).float()).sum(-1)[0] for _, part in injected)
    assert isinstance(positions, torch.Tensor), "there is always an input"
    of_pixels = [
        (value.detach().float() * next(remaining).float()).flatten().cpu().double().numpy()
        for value in pixels
    ]
    biases = sum(float((next(remaining).float() * bias.float()).sum()) for _, bias in rules.biased)
    softmax_part = 0.0
    for pair in softmaxes:
        of_scores, of_weights = (
            float((values.detach().float() * next(remaining).float()).sum()) for values in pair
        )
        softmax_part += of_weights - of_scores
    flat = np.concatenate([np.zeros(0), *of_pixels])
    return positions.cpu().numpy(), flat, float(biases), softmax_part


def _check(replay: Replay, result: Relevances, dtype: torch.dtype, *, pixels: bool) -> None:
    error = np.abs(result.remainder) / np.maximum(result.sizes, 1)
    if not (error <= _ROUNDING.get(dtype, _HALF_ROUNDING)).all():
        parts = "layers or its vision tower" if pixels else "layers"
        raise ModelError(
            f"its {parts} contain an operation that AttnLRP has no rule for "
            f"({100 * float(error.max()):.0f} % of a logit is unexplained)",
            where=replay.checkpoint.adapter.family,
            remedy=REMEDY if pixels else "use another method, such as relevancy",
        )
