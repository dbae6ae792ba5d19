"""Functions shared by all methods that build an explanation from a method's evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tam.errors import InputError, NumericsError
from tam.explanation.explanation import Explanation
from tam.recording.trace import Trace

Targets = Sequence[int] | None
"""Indices of the targets to explain; None leaves the choice to the method."""


def resolve_targets(trace: Trace, targets: Targets, *, prompt: bool = True) -> list[int]:
    """Return the targets that a method explains: the requested ones, or those of the reply.

    Parameters
    ----------
    prompt
        Whether the method can explain words of the prompt.

    Raises
    ------
    InputError
        If a target is out of range, or the method cannot explain it.
    """
    first, count = trace.text.prompt_targets, len(trace.text.tokens)
    if targets is None:
        return list(range(first, count))
    lowest = 0 if prompt else first
    for target in targets:
        if not lowest <= target < count:
            raise InputError(
                f"token {target} cannot be explained",
                where="targets",
                remedy=f"give numbers from {lowest} to {count - 1}",
            )
    return [int(target) for target in targets]


def explained(
    trace: Trace,
    targets: Sequence[int],
    evidence: NDArray[np.float32],
    method: Mapping[str, Any],
    *,
    scale: bool = True,
) -> Explanation:
    """Build the explanation of a method with evidence only at the vision cells.

    Each target's evidence is scaled from 0 at its lowest cell to 1 at its highest, over all
    pictures together; constant evidence yields a zero map. The relevance of earlier words is not
    known.

    Parameters
    ----------
    trace
        The recorded run, with K targets and N cells.
    targets
        T indices of the explained targets. The others' maps are not known, and are NaN.
    evidence
        float32 [T, N]: the evidence at each cell.
    method
        ``name`` and options of the method, as JSON values for the provenance.
    scale
        Whether to scale the evidence; False if it is already a map from 0 to 1.
    """
    maps = np.full((len(trace.text.tokens), evidence.shape[1]), np.nan, np.float32)
    if scale:
        low = evidence.min(axis=1, keepdims=True)
        span = evidence.max(axis=1, keepdims=True) - low
        evidence = (evidence - low) / np.where(span > 0, span, 1)
    maps[list(targets)] = evidence
    return build_explanation(trace, maps, None, None, method)


def jointly_explained(
    trace: Trace,
    targets: Sequence[int],
    evidence: NDArray[np.float32],
    method: Mapping[str, Any],
) -> Explanation:
    """Build the explanation of a method with evidence at the cells and at earlier words.

    Both are divided by the maximum over a target's cells and earlier words, so that the height of
    a map also shows how much of the evidence is visual. A target without evidence gets zeros.

    Parameters
    ----------
    trace
        The run; K targets, N cells.
    targets
        T indices of the explained targets. The others' values are not known, and are NaN.
    evidence
        float32 [T, L], not negative: the evidence at each position of the sequence. Only values at
        the cells and at words before the explained one are read.
    method
        As in :func:`explained`.
    """
    own = np.array([token.position for token in trace.text.tokens], np.int64)
    before = np.arange(len(own)) < np.array(targets, int)[:, None]
    cells, words = evidence[:, trace.vision.positions], np.where(before, evidence[:, own], 0)
    top = np.maximum(cells.max(1, initial=0), words.max(1, initial=0))[:, None]
    maps, square = (
        np.full((len(own), values.shape[1]), np.nan, np.float32) for values in (cells, words)
    )
    maps[list(targets)] = cells / np.where(top > 0, top, 1)
    square[list(targets)] = words / np.where(top > 0, top, 1)
    return build_explanation(trace, maps, square, square, method)


def build_explanation(
    trace: Trace,
    maps: NDArray[np.float32],
    text_scores: NDArray[np.float32] | None,
    relevance: NDArray[np.float32] | None,
    method: Mapping[str, Any],
) -> Explanation:
    """Build an explanation from maps [K, N], text scores and relevance [K, K], and the trace."""
    return Explanation(
        media=trace.media,
        tokens=trace.text.tokens,
        prompt_targets=trace.text.prompt_targets,
        predictions=trace.predictions,
        grids=trace.vision.grids,
        maps=maps,
        text_scores=text_scores,
        relevance=relevance,
        provenance={**trace.provenance, "method": dict(method)},
    )


def added_explanation(
    trace: Trace, targets: Sequence[int], found: Any, method: Mapping[str, Any]
) -> Explanation:
    """Check the result of a user's or another package's method, and build its explanation.

    Parameters
    ----------
    trace
        The run; K targets, N cells.
    targets
        T indices of the targets that it had to explain.
    found
        What the method returned, see :mod:`tam.methods`.
    method
        Its name, module and options, for the provenance.

    Raises
    ------
    NumericsError
        If the maps are not finite float32 [T, N], or the relevance is not float32 [T, K] in [0, 1].
    """
    where = f"method {method['name']}"
    evidence, relevance = found if isinstance(found, tuple) and len(found) == 2 else (found, None)
    count = len(trace.text.tokens)
    shape = (len(targets), len(trace.vision.positions))
    evidence = _checked(evidence, shape, where, "maps [targets, cells]")
    inside = bool(((evidence >= 0) & (evidence <= 1)).all())
    if relevance is None:
        told = {**method, "scaled": not inside}
        return explained(trace, targets, evidence, told, scale=not inside)
    related = _checked(relevance, (len(targets), count), where, "relevance [targets, all tokens]")
    if not inside or not ((related >= 0) & (related <= 1)).all():
        raise NumericsError(
            "maps and relevance are not in [0, 1]",
            where=where,
            remedy="bring both to one scale, or return the maps alone",
        )
    maps, square = (np.full((count, n), np.nan, np.float32) for n in (shape[1], count))
    maps[list(targets)], square[list(targets)] = evidence, related
    return build_explanation(trace, maps, square, square, method)


def _checked(values: Any, shape: tuple[int, int], where: str, what: str) -> NDArray[np.float32]:
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().numpy()
    if not isinstance(values, np.ndarray) or (values.dtype, values.shape) != (np.float32, shape):
        kind = type(values).__name__
        got = f"{values.dtype} {list(values.shape)}" if isinstance(values, np.ndarray) else kind
        raise NumericsError(
            f"returned {got} as its {what}",
            where=where,
            remedy=f"return float32 {list(shape)}",
        )
    if not np.isfinite(values).all():
        raise NumericsError(
            f"returned {what} that are NaN or infinite",
            where=where,
            remedy="return finite numbers",
        )
    return values


def keep_targets(explanation: Explanation, trace: Trace, targets: Targets) -> Explanation:
    """Keep the maps and the relevance of the requested targets only; all if None."""
    if targets is None:
        return explanation
    others = np.ones(len(explanation.tokens), bool)
    others[resolve_targets(trace, targets)] = False
    kept = [
        None if values is None else values.copy()
        for values in (explanation.text_scores, explanation.relevance)
    ]
    maps = explanation.maps.copy()
    for values in (maps, *kept):
        if values is not None:
            values[others] = np.nan
    return replace(explanation, maps=maps, text_scores=kept[0], relevance=kept[1])
