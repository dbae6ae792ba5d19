"""Raw attention weights."""

from collections.abc import Sequence

import numpy as np
import torch

from tam.errors import InputError
from tam.explanation.explanation import Explanation
from tam.methods.result import Targets, jointly_explained, resolve_targets
from tam.recording.trace import Trace
from tam.replay import Replay


def attention(
    trace: Trace,
    replay: Replay,
    targets: Targets = None,
    *,
    layers: Sequence[int] | None = None,
    heads: Sequence[int] | None = None,
) -> Explanation:
    """Average the attention that a word's context position pays to the picture.

    ``mean_{l, h} P_lh[c, p]`` with P_lh [L, L] the attention weights of head h in layer l of the
    language model after the softmax, and c the position that predicted the word. Maps [K, N] and
    the relevance of earlier words [K, K], the weights at their own positions, on one scale. Cost:
    one forward pass with eager attention, which returns its weights.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    layers, heads
        Indices to average over, negative ones from the end; None for all. Only layers with
        attention weights are counted, since some families interleave layers of other kinds.
    """
    asked = resolve_targets(trace, targets)
    weights = [layer[0] for layer in replay.run([], attention=True).attentions]
    rows = torch.from_numpy(trace.text.context_positions[asked])
    total = np.zeros((len(asked), weights[0].shape[-1]), np.float32)
    chosen = _chosen("layer", layers, len(weights))
    for layer in chosen:
        kept = weights[layer][_chosen("head", heads, len(weights[layer]))].float().mean(0).cpu()
        total += kept[rows].numpy() / len(chosen)
    method = {
        "name": "attention",
        "layers": None if layers is None else list(layers),
        "heads": None if heads is None else list(heads),
    }
    return jointly_explained(trace, asked, total, method)


def _chosen(kind: str, wanted: Sequence[int] | None, count: int) -> list[int]:
    if wanted is None:
        return list(range(count))
    if not isinstance(wanted, Sequence) or not wanted:
        raise InputError(
            f"{wanted!r} is not a list of {kind}s", where=f"{kind}s", remedy="name at least one"
        )
    for index in wanted:
        if index not in range(-count, count):
            raise InputError(
                f"{kind} {index!r} has no attention weights",
                where=f"{kind}s",
                remedy=f"{kind}s are numbered 0 to {count - 1}",
            )
    return list(wanted)
