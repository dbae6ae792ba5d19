"""Detectors of invented words: scores of each token of a recorded reply, high for true words.

====================  ==========================================================================
probability           ``log p`` of the token (the negative log-likelihood, reversed)
entropy               minus the entropy of its step's prediction
internal confidence   its highest probability at any cell and layer (arXiv 2410.02762)
visual attention      its attention to the picture in the middle layers (SVAR, arXiv 2411.16724)
prelim attention      minus the attention to earlier words of the reply in the first layer, where it
                      is predicted (PAS, arXiv 2511.11502)
contextual lens       its highest cosine with a cell in the middle layer (arXiv 2411.19187)
global-local          its cosine with the prompt's end and with the cells that show it best (GLSim,
                      arXiv 2508.19972)
seen                  how well a cell shows it, next to its first rival; a part of grounding
grounding             the toolkit's own score (:mod:`tam.recording.grounding`)
removal               its loss without a region: the height of ``tam-cause``
====================  ==========================================================================

The first two, seen and grounding read the recorded run; the five from the literature share one pass
(:class:`Layers`); removal costs a pass for each region. Layers that the papers give by number are
used at the same relative depth: out of 32 layers, the fifth to the eighteenth (attention), the
sixteenth (lens).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tam.methods import explain
from tam.recording.grounding import evidence_of_words, grounding
from tam.recording.trace import Trace
from tam.replay import Replay

Scores = NDArray[np.float64]

# Relative depths of layers.
_FIRST, _LAST, _MIDDLE = 5 / 32, 18 / 32, 16 / 32
# GLSim's weight of the global part and its number of cells; the paper tunes both for each model.
_GLOBAL, _CELLS = 0.5, 8


@dataclass(frozen=True, eq=False)
class Layers:
    """The states and the attention of one pass over prompt and reply.

    Parameters
    ----------
    states
        float32 [l, L, D]: the output of each of l layers at each position.
    attention
        float32 [l, L, L]: the mean of the heads.
    """

    states: torch.Tensor
    attention: torch.Tensor


def recorded_layers(replay: Replay) -> Layers:
    """Run the model once more over prompt and reply."""
    count = len(replay.layers)
    run = replay.run([], layers=range(count), attention=True)
    return Layers(
        torch.stack([states[0][0].float().cpu() for states in run.states]),
        torch.stack([weights[0].float().mean(0).cpu() for weights in run.attentions]),
    )


def detect(replay: Replay) -> Mapping[str, Scores]:
    """Return the scores of all detectors, each float64 [R]; an unknown grounding is NaN."""
    trace = replay.trace
    first = trace.text.prompt_targets
    layers = recorded_layers(replay)
    shown = shown_by_layer(replay, layers.states)
    heights = explain("tam-cause", trace, replay).maps[first:].max(1)
    return {
        "probability": np.log([max(step.probability, 1e-30) for step in trace.predictions]),
        "entropy": -entropy(trace),
        "internal confidence": shown.amax((0, 1)).double().numpy(),
        "visual attention": visual_attention(trace, layers.attention),
        "prelim attention": prelim_attention(trace, layers.attention),
        "contextual lens": contextual_lens(trace, layers.states),
        "global-local": global_local(trace, layers.states, shown[-1]),
        "seen": evidence_of_words(trace)[:, 0],
        "grounding": grounding(trace).astype(np.float64),
        "removal": heights.astype(np.float64),
    }


def entropy(trace: Trace) -> Scores:
    """Entropy of each step's prediction, in nats: ``-sum_y p(y) log p(y)``."""
    with torch.no_grad():
        logits = trace.lm_head.logits(trace.context_states[trace.text.prompt_targets :]).float()
    log = logits.log_softmax(-1)
    return np.asarray((-(log.exp() * log).sum(-1)).double().cpu().numpy())


def shown_by_layer(replay: Replay, states: torch.Tensor) -> torch.Tensor:
    """Return each token's probability at each cell, read from each layer; float32 [l, N, R].

    As in the logit lens, the states go through the final norm and the head.
    """
    trace = replay.trace
    first = trace.text.prompt_targets
    ids, cells = torch.from_numpy(trace.text.ids[first:]), torch.from_numpy(trace.vision.positions)
    found = []
    with torch.no_grad():
        for layer in states:
            normed = replay.final_norm(layer[cells])
            found.append(trace.lm_head.logits(normed).float().softmax(-1)[:, ids].cpu())
    return torch.stack(found)


def visual_attention(trace: Trace, attention: torch.Tensor) -> Scores:
    """Sum each token's attention to the picture over the middle layers, as the mean over heads.

    The rows are those of the token's own position, at which it is the input.
    """
    count = len(attention)
    middle = attention[round(_FIRST * count) : max(round(_LAST * count), 1)]
    looks = middle[:, _own(trace)][:, :, torch.from_numpy(trace.vision.positions)]
    return np.asarray(looks.sum((0, 2)).double().numpy())


def prelim_attention(trace: Trace, attention: torch.Tensor) -> Scores:
    """Return minus each token's attention to the reply before it, as the mean over heads.

    The paper's idea is that a model which reads its own words instead of the picture invents. The
    rows are those of the positions that predict the tokens, in the first layer, on which the paper
    settles; the first token of the reply has nothing before it, and gets 0.
    """
    first = trace.text.prompt_targets
    own = _own(trace)
    rows = attention[0][torch.from_numpy(trace.text.context_positions[first:])]
    earlier = torch.ones(len(own), len(own)).tril(-1)
    return np.asarray(-(rows[:, own] * earlier).sum(1).double().numpy())


def contextual_lens(trace: Trace, states: torch.Tensor) -> Scores:
    """Return the highest cosine of each token's state with a cell's state, in the middle layer."""
    middle = states[_middle(states)]
    cells = middle[torch.from_numpy(trace.vision.positions)]
    return np.asarray(_cosines(middle[_own(trace)], cells).amax(1).double().numpy())


def global_local(trace: Trace, states: torch.Tensor, shown: torch.Tensor) -> Scores:
    """Combine a token's cosines with the last prompt token and with the cells that show it best.

    ``w cos(h_o, h_q) + (1 - w) mean_k cos(h_o, h_k)`` in the middle layer, with k the eight cells
    at which the last layer's probability [N, R] of the token is highest, and w = 0.5.
    """
    middle = states[_middle(states)]
    own = middle[_own(trace)]
    last = int(trace.text.context_positions[trace.text.prompt_targets])
    whole = _cosines(own, middle[last : last + 1])[:, 0]
    near = _cosines(own, middle[torch.from_numpy(trace.vision.positions)])
    best = shown.T.topk(min(_CELLS, len(shown)), dim=1).indices
    local = near.gather(1, best).mean(1)
    return np.asarray((_GLOBAL * whole + (1 - _GLOBAL) * local).double().numpy())


def _middle(states: torch.Tensor) -> int:
    return min(round(_MIDDLE * len(states)), len(states) - 1)


def _own(trace: Trace) -> torch.Tensor:
    """Return the reply tokens' own positions, each one after the position that predicted it."""
    tokens = trace.text.tokens[trace.text.prompt_targets :]
    return torch.tensor([token.position for token in tokens])


def _cosines(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return the cosines between the rows of [A, D] and [B, D], float32 [A, B]."""
    return torch.nn.functional.normalize(one, dim=1) @ torch.nn.functional.normalize(other, dim=1).T
