"""Relevance of each position for a token's logit, by the rules of AttnLRP."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tam.errors import ModelError
from tam.replay.lrp_attention import Softmax, softmaxes_kept
from tam.replay.lrp_rules import Rules
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
        float32 [T, L]: the relevance of each position of the sequence.
    biases, softmaxes
        float32 [T]: the parts of the biases and of the softmaxes.
    logits
        float32 [T]: the head's scores, before any capping or scaling by the family.
    """

    positions: NDArray[np.float32]
    biases: NDArray[np.float32]
    softmaxes: NDArray[np.float32]
    logits: NDArray[np.float32]

    @property
    def remainder(self) -> NDArray[np.float32]:
        """The part of the logits that remains unexplained, float32 [T]."""
        explained: NDArray[np.float32] = self.positions.sum(1) + self.biases + self.softmaxes
        return self.logits - explained


def propagate(replay: Replay, targets: Sequence[int]) -> Relevances:
    """Propagate each target's logit back to the input of the language model.

    This takes one forward pass, and one backward pass for each target.

    Raises
    ------
    ModelError
        If a module of the decoder has no rule, or the parts do not add up to the logit, which
        means that an operation has no rule.
    """
    head, trace = replay.checkpoint.lm_head, replay.trace
    rules = Rules(replay.layers, replay.final_norm, head)
    with softmaxes_kept() as softmaxes:
        run = replay.run(targets, gradients=True, rules=rules)
    [logits] = rules.logits
    length = rules.inputs[0].shape[1]
    rows = trace.text.context_positions[list(targets)] - (length - logits.shape[1])
    ids = trace.text.ids[list(targets)]
    scores = logits[0, torch.from_numpy(rows), torch.from_numpy(ids)].float()
    parts = [_parts(score, rules, softmaxes) for score in scores]
    bias = getattr(head, "bias", None)
    head_bias = np.zeros(len(ids), np.float32)
    if isinstance(bias, torch.Tensor):
        head_bias = bias.detach().float().cpu().numpy()[ids]
    result = Relevances(
        np.stack([positions for positions, _, _ in parts])
        if parts
        else np.zeros((0, length), np.float32),
        np.array([biases for _, biases, _ in parts], np.float32) + head_bias,
        np.array([softmax for _, _, softmax in parts], np.float32),
        scores.detach().cpu().numpy(),
    )
    _check(replay, result, run.scores.dtype if logits.dtype == torch.float32 else logits.dtype)
    return result


def _parts(
    score: torch.Tensor, rules: Rules, softmaxes: Sequence[Softmax]
) -> tuple[NDArray[np.float32], float, float]:
    """Return the relevance of the positions [L], the biases and the softmaxes for one score.

    This takes one backward pass. A softmax's part is what its gradient does not pass on: the
    relevance of its weights minus that of its scores.
    """
    injected = list(rules.injected())
    inputs = [states for states, _ in injected]
    biased_outputs = [output for output, _ in rules.biased]
    softmax_tensors = [tensor for pair in softmaxes for tensor in pair]
    gradients = torch.autograd.grad(
        score,
        [*inputs, *biased_outputs, *softmax_tensors],
        retain_graph=True,
        materialize_grads=True,
    )
    remaining = iter(gradients)
    positions = sum((part.float() * next(remaining).float()).sum(-1)[0] for _, part in injected)
    assert isinstance(positions, torch.Tensor), "the first layer always has an input"
    biases = sum(float((next(remaining).float() * bias.float()).sum()) for _, bias in rules.biased)
    softmax_part = 0.0
    for pair in softmaxes:
        of_scores, of_weights = (
            float((values.detach().float() * next(remaining).float()).sum()) for values in pair
        )
        softmax_part += of_weights - of_scores
    return positions.cpu().numpy(), float(biases), softmax_part


def _check(replay: Replay, result: Relevances, dtype: torch.dtype) -> None:
    sizes = np.abs(result.positions).sum(1) + np.abs(result.biases) + np.abs(result.softmaxes)
    error = np.abs(result.remainder) / np.maximum(sizes, 1)
    if not (error <= _ROUNDING.get(dtype, _HALF_ROUNDING)).all():
        raise ModelError(
            "its layers contain an operation that AttnLRP has no rule for "
            f"({100 * float(error.max()):.0f} % of a logit is unexplained)",
            where=replay.checkpoint.adapter.family,
            remedy="use another method, such as relevancy",
        )
