"""AttnLRP: layer-wise relevance propagation through attention (arXiv 2402.05602)."""

import numpy as np

from tam.explanation.explanation import Explanation
from tam.methods.result import Targets, jointly_explained, resolve_targets
from tam.recording.trace import Trace
from tam.replay import Replay
from tam.replay.propagation import propagate


def attn_lrp(
    trace: Trace, replay: Replay, targets: Targets = None, *, pixels: bool = False
) -> Explanation:
    """Propagate a token's logit back to the picture's cells and to earlier words.

    ``R[p] = sum_d X[p, d] ∂'y / ∂X[p, d]`` with X [L, D] the input of the language model, y the
    token's logit, and ∂' the gradient in which (Achtibat et al. 2024)

    - each factor of a product receives half of the relevance: queries and keys, attention weights
      and values, gate and gated (the uniform rule, eq. 15);
    - a softmax s of scores x gives ``x_i (R_i - s_i Σ_j R_j)``, its Taylor expansion (eq. 13);
    - an activation and a norm's division pass it on unchanged (the identity rule, eqs. 9 and 19);
    - linear maps and sums distribute it in proportion to their summands (ε-LRP for ε → 0, eq. 8).

    Features that enter between layers (deepstack) count at their positions. Maps [K, N] and the
    relevance of earlier words [K, K] are the positive parts, on one scale. The relevance of all
    positions, of the biases and of what the softmax retains adds up to the logit; the provenance
    states the largest ``remainder``, and the mean share of the absolute relevance that biases and
    softmax absorb (``absorbed``). Cost: one forward pass and one backward pass for each target.

    A cell's vision token also holds what the vision tower brought there from other cells. With
    ``pixels``, the relevance goes on through the projector and the tower by the same rules, down to
    the normalised values of the pixels, and a map shows for each cell the sum over its own pixels:
    where in the picture the evidence is, instead of in which vision token. A pixel of the color
    that the processor normalises to 0 has none. The relevance of earlier words is the same.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    pixels
        Whether to go on through the vision tower to the pixels. This costs a further forward pass,
        and some backward passes through the tower alone: about twenty for a thousand cells.

    Raises
    ------
    ModelError
        If the decoder, or the tower with ``pixels``, contains a module that no rule covers. With
        ``pixels`` also if the family arranges pixels so that they cannot be traced to cells.
    """
    asked = resolve_targets(trace, targets)
    found = propagate(replay, asked, pixels=pixels)
    taken = np.abs(found.biases) + np.abs(found.softmaxes)
    method = {
        "name": "attn-lrp",
        "pixels": pixels,
        "remainder": float(np.abs(found.remainder).max(initial=0)),
        "absorbed": float(np.mean(taken / np.maximum(found.sizes, 1e-9))) if asked else 0.0,
    }
    return jointly_explained(trace, asked, np.maximum(found.positions, 0), method)
