"""DEX-AR (arXiv 2603.06302): layer-wise gradients of attention, heads filtered."""

import numpy as np
import torch
from numpy.typing import NDArray

from tam.explanation.explanation import Explanation
from tam.methods.attention_flow import run_with_attention
from tam.methods.options import check_whole
from tam.methods.result import Targets, explained, resolve_targets
from tam.recording.trace import Trace
from tam.replay import Replay


def dex_ar(
    trace: Trace, replay: Replay, targets: Targets = None, *, depth: int = 10
) -> Explanation:
    """Sum the positive gradients of attention to the picture over heads that look at it.

    For each of the last layers l: ``y_l`` is the token's logit read from the layer's state at c,
    the position that predicted it, through the final norm and the head, and ``g = relu(∂y_l /
    ∂P_lh[c, :])`` for each head, P_lh its attention weights. A head has the weight ``relu(max_p
    g[p] - max_q g[q])`` over the picture's cells p and all other positions q up to c. The map is
    the weighted sum of the g over heads and layers.

    This differs from the published code (github.com/WalBouss/DEX-AR) in two points: that code first
    scales the gradients of all words together to [0, 1], which only changes the map's scale if some
    gradient is 0; and it normalises the last layer's state twice, here once. Its weighting of whole
    words is for a map of the sentence, which is not made here. Maps [K, N]. Cost: one forward pass
    and, for each target, a backward pass through each of these layers separately.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    depth
        The number of layers to sum, counted from the last; all if the model has fewer.
    """
    check_whole("depth", depth)
    asked = resolve_targets(trace, targets)
    run = run_with_attention(replay, asked, gradients=True, states=True)
    maps = np.zeros((len(asked), len(trace.vision.positions)), np.float32)
    contexts = torch.from_numpy(trace.text.context_positions[asked])
    ids = trace.text.ids[asked]
    layers = list(zip(run.states, run.attentions, strict=True))[-depth:]
    with torch.enable_grad():
        for [states], weights in layers:
            normed = replay.final_norm(states[0, contexts.to(states.device)])
            logits = trace.lm_head.logits(normed)
            for row, logit, token, context in zip(maps, logits, ids, contexts, strict=True):
                [gradient] = torch.autograd.grad(logit[token], [weights], retain_graph=True)
                seen = gradient[0, :, context, : int(context) + 1].relu().float().cpu().numpy()
                row += head_filtered(seen, trace.vision.positions)
    return explained(trace, asked, maps, {"name": "dex-ar", "depth": depth})


def head_filtered(
    gradient: NDArray[np.float32], positions: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Sum rows [H, c + 1] at the cells' positions, weighted by how much each prefers the picture.

    Cells after the row's end, which an earlier word cannot see, get 0.
    """
    before = positions < gradient.shape[1]
    picture = np.zeros((len(gradient), len(positions)), np.float32)
    picture[:, before] = gradient[:, positions[before]]
    text = np.delete(gradient, positions[before], axis=1).max(axis=1, initial=0)
    preference = np.maximum(picture.max(axis=1) - text, 0)
    found: NDArray[np.float32] = preference @ picture
    return found
