"""The logit lens on the vision tokens of any layer."""

import numpy as np
import torch

from tam.explanation.explanation import Explanation
from tam.methods.parts import from_scores
from tam.methods.result import Targets, build_explanation, keep_targets
from tam.recording.trace import Trace
from tam.replay import Replay


def logit_lens(
    trace: Trace, replay: Replay, targets: Targets = None, *, layer: int | str = -1
) -> Explanation:
    """Read a layer's states at the picture as if they were the last (the logit lens).

    ``relu(<norm(h_l[p]), W[y]>)``: the states ``h_l`` of layer l go through the model's final norm
    and the rows of its head. Source: nostalgebraist, "interpreting GPT: the logit lens", 2020; for
    vision tokens e.g. arXiv 2410.07149. Maps [K, N], scaled jointly with the same scores of the
    earlier words' states, like the raw activation, which it equals at the last layer. Cost: one
    forward pass.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    layer
        A layer of the language model: its number, or ``"input"``.
    """
    [states] = replay.run([], layers=[layer]).states[0]
    positions = np.concatenate([trace.vision.positions, trace.text.context_positions])
    with torch.no_grad():
        normed = replay.final_norm(states[0, torch.from_numpy(positions).to(states.device)])
    scores = trace.lm_head.scores(torch.from_numpy(trace.text.ids), normed)
    method = {"name": "logit-lens", "layer": layer}
    return keep_targets(
        build_explanation(trace, *from_scores(trace, scores), method), trace, targets
    )
