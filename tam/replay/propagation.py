"""Relevance of every position for a token's logit, by the rules of AttnLRP."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tam.errors import ModelError
from tam.replay.lrp_attention import Softmax, softmaxes_kept
from tam.replay.lrp_rules import Rules
from tam.replay.replay import Replay

# The largest difference between the parts and the logit, as a share of all parts' sizes.
_ROUNDING = {torch.float32: 1e-3}
_HALF_ROUNDING = 0.1


@dataclass(frozen=True, eq=False)
class Relevances:
    """The parts of the logits of some targets.

    Parameters
    ----------
    positions
        float32 [T, L]: the relevance of each position of the sequence.
    biases, softmaxes
        float32 [T]: the parts of biases, and of the softmax.
    logits
        float32 [T]: the head's scores, before any cap or scale of the family.
    """

    positions: NDArray[np.float32]
    biases: NDArray[np.float32]
    softmaxes: NDArray[np.float32]
    logits: NDArray[np.float32]

    @property
    def remainder(self) -> NDArray[np.float32]:
        """float32 [T]: the part of the logit that remains unexplained."""
        explained: NDArray[np.float32] = self.positions.sum(1) + self.biases + self.softmaxes
        return self.logits - explained


def propagate(replay: Replay, targets: Sequence[int]) -> Relevances:
    """Propagate each target's logit back to the input of the language model.

    It costs one forward pass, and one backward pass for each target.

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
    length = rules.entering[0].shape[1]
    rows = trace.text.context_positions[list(targets)] - (length - logits.shape[1])
    ids = trace.text.ids[list(targets)]
    scores = logits[0, torch.from_numpy(rows), torch.from_numpy(ids)].float()
    found = [_parts(score, rules, softmaxes) for score in scores]
    added = getattr(head, "bias", None)
    own = np.zeros(len(ids), np.float32)
    if isinstance(added, torch.Tensor):
        own = added.detach().float().cpu().numpy()[ids]
    result = Relevances(
        np.stack([positions for positions, _, _ in found])
        if found
        else np.zeros((0, length), np.float32),
        np.array([biases for _, biases, _ in found], np.float32) + own,
        np.array([kept for _, _, kept in found], np.float32),
        scores.detach().cpu().numpy(),
    )
    _check(replay, result, run.scores.dtype if logits.dtype == torch.float32 else logits.dtype)
    return result


def _parts(
    score: torch.Tensor, rules: Rules, softmaxes: Sequence[Softmax]
) -> tuple[NDArray[np.float32], float, float]:
    """One backward pass: relevance [L] of the positions, of the biases, of the softmax."""
    injected = list(rules.injected())
    entering = [states for states, _ in injected]
    outputs = [output for output, _ in rules.biased]
    around = [tensor for pair in softmaxes for tensor in pair]
    gradients = torch.autograd.grad(
        score, [*entering, *outputs, *around], retain_graph=True, materialize_grads=True
    )
    at = iter(gradients)
    positions = sum((part.float() * next(at).float()).sum(-1)[0] for _, part in injected)
    assert isinstance(positions, torch.Tensor), "the first layer is entered"
    biases = sum(float((next(at).float() * bias.float()).sum()) for _, bias in rules.biased)
    kept = 0.0
    for before, after in softmaxes:
        enters, leaves = (
            float((values.detach().float() * next(at).float()).sum()) for values in (before, after)
        )
        kept += leaves - enters
    return positions.cpu().numpy(), float(biases), kept


def _check(replay: Replay, found: Relevances, dtype: torch.dtype) -> None:
    sizes = np.abs(found.positions).sum(1) + np.abs(found.biases) + np.abs(found.softmaxes)
    off = np.abs(found.remainder) / np.maximum(sizes, 1)
    if not (off <= _ROUNDING.get(dtype, _HALF_ROUNDING)).all():
        raise ModelError(
            "its layers do something that AttnLRP has no rule for "
            f"({100 * float(off.max()):.0f} % of a logit is left over)",
            where=replay.checkpoint.adapter.family,
            remedy="use another method, such as relevancy",
        )
