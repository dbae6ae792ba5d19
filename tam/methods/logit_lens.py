"""The logit lens on the vision tokens of any layer."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tam.explanation.explanation import Explanation
from tam.methods.localization_heads import entropy
from tam.methods.parts import from_scores
from tam.methods.result import Targets, build_explanation, keep_targets
from tam.recording.trace import Trace
from tam.replay import LayerName, Replay
from tam.text.function_words import is_content

Values = NDArray[np.float32]

BY_ENTROPY = "entropy"


def logit_lens(
    trace: Trace, replay: Replay, targets: Targets = None, *, layer: LayerName = -1
) -> Explanation:
    """Read a layer's states at the picture as if they were the last (the logit lens).

    ``relu(<norm(h_l[p]), W[y]>)``: the states ``h_l`` of layer l go through the model's final norm
    and the rows of its head. Source: nostalgebraist, "interpreting GPT: the logit lens", 2020; for
    vision tokens e.g. arXiv 2410.07149. Maps [K, N], scaled jointly with the same scores of the
    earlier words' states, like the raw activation, which it equals at the last layer. Cost: one
    forward pass.

    With ``layer="entropy"`` the layer is chosen for each picture and reply: the one whose maps of
    content words have the lowest mean spatial entropy (:mod:`tam.methods.localization_heads`), so
    that each is concentrated in few places. Source: the idea of choosing among the layers' maps for
    each picture (DoNuSeg, Wang et al. 2024, arXiv 2406.16427, which trains a selection module).

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    layer
        A layer of the language model: its number, ``"input"``, or ``"entropy"``.
    """
    layers = list(range(len(replay.layers))) if layer == BY_ENTROPY else [layer]
    found = [_read(trace, replay, states[0]) for states in replay.run([], layers=layers).states]
    best = int(np.argmin([spread(trace, maps) for maps, *_ in found]))
    method: dict[str, Any] = {"name": "logit-lens", "layer": layer}
    if layer == BY_ENTROPY:
        method["chosen"] = layers[best]
    return keep_targets(build_explanation(trace, *found[best], method), trace, targets)


def spread(trace: Trace, maps: Values) -> float:
    """Return the mean spatial entropy of the content words' maps [K, N]; zero maps do not count."""
    first = trace.text.prompt_targets
    content = [
        row
        for row, token in zip(maps[first:], trace.text.tokens[first:], strict=True)
        if is_content(token.text.strip()) and row.max(initial=0) > 0
    ]
    values = [entropy(row, trace.vision.grids) for row in content]
    return float(np.mean(values)) if values else float("inf")


def _read(trace: Trace, replay: Replay, states: torch.Tensor) -> tuple[Values, Values, Values]:
    positions = np.concatenate([trace.vision.positions, trace.text.context_positions])
    with torch.no_grad():
        normed = replay.final_norm(states[0, torch.from_numpy(positions).to(states.device)])
    scores = trace.lm_head.scores(torch.from_numpy(trace.text.ids), normed)
    return from_scores(trace, scores)
