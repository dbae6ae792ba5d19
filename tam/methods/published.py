"""The Token Activation Map as the published code computes it (arXiv 2506.23270)."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

from tam.defaults import KERNEL_SIZE
from tam.engine.result import TokenActivationMaps
from tam.explanation.explanation import Explanation, Stages
from tam.methods.result import Targets, build_explanation, keep_targets
from tam.methods.token_activation import as_numpy, engine_maps
from tam.recording.trace import Trace
from tam.replay import Replay


def tam_published(
    trace: Trace,
    replay: Replay,
    targets: Targets = None,
    *,
    kernel_size: int = KERNEL_SIZE,
    stages: bool = False,
) -> Explanation:
    """Explain a recorded run with the classes that the published code chooses.

    It differs from :func:`tam.methods.token_activation.token_activation` in two classes: the first
    word of the prompt is explained with the arg-max class of the model's logits at its position,
    and the first token of the reply with the class of the prompt's last token, a marker of the chat
    template. Both enter the maps of the later tokens through causal inference. The map of every
    later token equals the published code's in every grey level; for the reply's first token that
    code returns another map, the one of the first word of the prompt.

    The published filter divides 0 by 0 where all values of a window are equal and not 0. The value
    of such a cell is not known, and is NaN. Maps [K, N]. Cost: that of tam, plus one state through
    the whole head.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    kernel_size
        Odd side of the filter's window, in cells.
    stages
        Keep the maps before scaling and filtering.
    """
    result = engine_maps(trace, published_classes(trace, replay), kernel_size, stages=True)
    maps, text = as_numpy(result.maps), as_numpy(result.text_scores)
    unknown = undefined_cells(trace, result, kernel_size)
    explanation = replace(
        build_explanation(
            trace,
            np.where(unknown, np.float32(np.nan), maps),
            text,
            as_numpy(result.relevance),
            {"name": "tam-published", "kernel_size": kernel_size},
        ),
        stages=Stages(as_numpy(result.activation), as_numpy(result.after_eci)) if stages else None,
    )
    return keep_targets(explanation, trace, targets)


def published_classes(trace: Trace, replay: Replay) -> NDArray[np.int64]:
    """Return each target's class in the published code, a row of the LM head; int64 [K]."""
    prompt = replay.recording.prepared.prompt.ids
    first = trace.text.prompt_targets
    likeliest = int(trace.lm_head.logits(trace.context_states[:1]).argmax())
    # The reply may begin with a marker, which is not a target.
    begins = trace.text.context_positions[first] == len(prompt) - 1
    return exchanged(trace.text.ids, first, likeliest, int(prompt[-1]) if begins else None)


def exchanged(
    ids: NDArray[np.int64], prompt_targets: int, likeliest: int, last: int | None
) -> NDArray[np.int64]:
    """Replace two of the targets' own classes, int64 [K].

    Parameters
    ----------
    ids
        int64 [K]: the targets' own token ids.
    prompt_targets
        The number of prompt words among them.
    likeliest
        The arg-max class at the first prompt word.
    last
        The prompt's last token; None if the reply's first target does not follow it directly.
    """
    classes = ids.copy()
    if prompt_targets:
        classes[0] = likeliest
    if last is not None:
        classes[prompt_targets] = last
    return classes


def undefined_cells(
    trace: Trace, result: TokenActivationMaps, kernel_size: int
) -> NDArray[np.bool_]:
    """Return a mask, bool [K, N], of the cells at which the published filter divides 0 by 0.

    There a window's values are equal and not 0, and their standard deviation in float32 is exactly
    0. If rounding makes it larger than 0, the filter returns the window's median.
    """
    residual, text = as_numpy(result.after_eci), as_numpy(result.text_scores)
    unknown = np.zeros(residual.shape, bool)
    if kernel_size == 1:
        return unknown
    for target, (row, scores) in enumerate(zip(residual, text, strict=True)):
        both = np.concatenate([row, scores[: max(target, trace.text.prompt_targets)]])
        low, span = both.min(), np.ptp(both)
        if span == 0:
            continue
        unknown[target] = _undefined((row - low) / span, trace.vision.filter_grids, kernel_size)
    return unknown


def _undefined(
    scaled: NDArray[np.float32], grids: tuple[tuple[int, int], ...], size: int
) -> NDArray[np.bool_]:
    parts, first = [], 0
    for height, width in grids:
        grid = scaled[first : first + height * width].reshape(height, width)
        first += height * width
        equal = minimum_filter(grid, size, mode="mirror") == maximum_filter(
            grid, size, mode="mirror"
        )
        spread = np.repeat(grid.reshape(-1, 1), size**2, axis=1).std(axis=1)
        parts.append((equal & (grid > 0)).ravel() & (spread == 0))
    return np.concatenate(parts)
