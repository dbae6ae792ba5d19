"""Token activation maps of all targets at once (arXiv 2506.23270).

There are three entry points: :func:`token_activation_maps` starts from hidden states and rows of
the head, :func:`maps_of_run` from the scores that any kind of head assigns to these states, and
:func:`maps_from_scores` from scores of targets in the context of other words. They accept NumPy
arrays or torch tensors on any device and return the same kind. Besides their results they need
scratch memory of a bounded size, however long the video or the answer is.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from tam.defaults import KERNEL_SIZE
from tam.engine.inputs import (
    Array,
    Scores,
    as_index,
    as_tensor,
    check_grids,
    check_shapes,
    checked,
    not_finite,
    raise_not_finite,
    shape_error,
    to_device_of,
)
from tam.engine.ops.blocks import in_chunks, one_thread
from tam.engine.ops.dispatch import backend_for, select
from tam.engine.result import TokenActivationMaps

# Elements of one map stage that are processed at once: 16 MiB in float64 on a CPU, 256 MiB in
# float32 elsewhere. Longer runs are split into chunks of targets.
_CHUNK_CPU, _CHUNK = 1 << 21, 1 << 26

# Scratch memory of a chunk in bytes: several arrays of its size.
_SCRATCH = 1 << 27


def token_activation_maps(
    hidden: Array,
    head_rows: Array,
    vision_positions: Array | Sequence[int],
    context_positions: Array | Sequence[int],
    context_ids: Array | Sequence[int],
    grids: Sequence[tuple[int, int]] | NDArray[np.int64],
    prompt_targets: int,
    kernel_size: int = KERNEL_SIZE,
    *,
    class_ids: Array | Sequence[int] | None = None,
    eci_cap: float = math.inf,
    stages: bool = False,
    backend: str | None = None,
) -> TokenActivationMaps:
    """Explain every target of one run.

    Parameters
    ----------
    hidden
        [L, D] of any floating dtype: the final-normed last hidden states.
    head_rows
        [K, D]: the LM-head row of each target's class id; or, with ``class_ids``, the whole head
        [V, D], of which only those rows are read.
    vision_positions
        Int [N]: positions of the vision cells, grid after grid, each row-major.
    context_positions
        Int [K]: the position whose state represents each target: its own for a prompt word, and
        the one that predicted it for a generated token.
    context_ids
        Int [K]: token ids; a context word with the target's own id is left out of the causal step.
    grids
        ``(h, w)`` of each picture or frame, ``sum(h * w) == N``; also an int array [G, 2].
    prompt_targets
        The number of the K targets that are prompt words.
    kernel_size
        Odd size of the filter's window.
    eci_cap
        The largest scale at which the interference of earlier words is subtracted; 0 leaves it.
    class_ids
        Int [K]: the targets' rows of the head.
    stages
        Compute the stages before scaling and filtering right away instead of on first access.
    backend
        See :func:`tam.engine.ops.dispatch.backend_for`.

    Returns
    -------
    Maps with M = K.

    Raises
    ------
    NumericsError
        If shapes do not fit, a position is out of range, or a needed state or row is not finite.
    SetupError
        If the requested backend cannot be used.

    Examples
    --------
    >>> hidden, rows = np.eye(6, 4, dtype=np.float32), np.eye(2, 4, dtype=np.float32)
    >>> r = token_activation_maps(hidden, rows, [0, 1, 2, 3], [4, 5], [7, 8], [(2, 2)], 1)
    >>> r.maps.shape, r.text_scores.shape
    ((2, 4), (2, 2))
    """
    later = partial(
        token_activation_maps,
        hidden,
        head_rows,
        vision_positions,
        context_positions,
        context_ids,
        grids,
        prompt_targets,
        kernel_size,
        class_ids=class_ids,
        eci_cap=eci_cap,
        stages=True,
        backend=backend,
    )
    states, head = as_tensor(hidden), as_tensor(head_rows)
    vision = checked("vision", vision_positions, states)
    context = checked("context", context_positions, states)
    if states.ndim != 2 or head.ndim != 2 or states.shape[1] != head.shape[1]:
        raise shape_error(
            f"hidden {list(states.shape)} and head rows {list(head.shape)} do not fit"
        )
    classes = torch.arange(len(head)) if class_ids is None else checked("class", class_ids, head)
    count = len(classes)
    if len(context) != count:
        raise shape_error(f"{len(context)} context positions for {count} head rows")
    if not 0 <= prompt_targets <= count:
        raise shape_error(f"prompt_targets {prompt_targets} is not between 0 and {count}")
    chosen = backend_for(states.device, backend)
    targets = torch.arange(count)
    places, rows, ids, targets, stops = to_device_of(
        states,
        torch.cat([vision, context]),
        classes,
        as_index(context_ids),
        targets,
        targets.clamp(min=int(prompt_targets)),
    )
    with one_thread(states.device):
        projected = partial(select("projection", chosen), states, places, head, rows)
        both = projected()
        total = both.sum()
        activation, text = both.split([len(vision), count], dim=1)
        scores = Scores(activation, activation, text, ids, ids, targets, stops)
        result = _explain(scores, grids, kernel_size, eci_cap, None if stages else later, chosen)
        # Read the sum last, so that a GPU is busy while the CPU waits for it. If the sum is finite,
        # so are all products.
        if not math.isfinite(total.item()) and not bool(torch.isfinite(projected()).all()):
            raise_not_finite(
                ("vision states", states, vision),
                ("context states", states, context),
                ("head rows", head, classes),
            )
    return result.numpy() if isinstance(hidden, np.ndarray) else result


def maps_of_run(
    score: Callable[[], torch.Tensor],
    cells: int,
    ids: Array | Sequence[int],
    grids: Sequence[tuple[int, int]] | NDArray[np.int64],
    prompt_targets: int,
    kernel_size: int = 3,
    *,
    eci_cap: float = math.inf,
    stages: bool = False,
    backend: str | None = None,
) -> TokenActivationMaps:
    """Explain every target of one run, from the scores of its vision and context states.

    Parameters
    ----------
    score
        Returns float32 [N + K, K], without ReLU: products of the vision cells' states, then of the
        states at the K context positions, with the head rows of the targets' classes. It must
        return a new tensor, which is overwritten, and is called again if the stages are accessed
        later.
    cells
        N.
    ids
        Int [K]: token ids of the targets.
    grids, prompt_targets, kernel_size, eci_cap, stages, backend
        As in :func:`token_activation_maps`.

    Raises
    ------
    NumericsError
        If shapes do not fit or a score is not finite.

    Examples
    --------
    >>> scores = torch.eye(6, 4) @ torch.eye(2, 4).T
    >>> maps_of_run(scores.clone, 4, [7, 8], [(2, 2)], 1).maps.shape
    torch.Size([2, 4])
    """
    later = partial(
        maps_of_run,
        score,
        cells,
        ids,
        grids,
        prompt_targets,
        kernel_size,
        eci_cap=eci_cap,
        stages=True,
        backend=backend,
    )
    both = score().T
    count = len(both)
    if both.shape[1] != cells + count or len(ids) != count:
        shape = list(both.T.shape)
        raise shape_error(f"scores {shape} do not fit {cells} cells and {len(ids)} targets")
    with one_thread(both.device):
        activation, text = positive_scores(both).split([cells, count], dim=1)
        targets = torch.arange(count)
        index = to_device_of(both, as_index(ids), targets, targets.clamp(min=int(prompt_targets)))
        scores = Scores(activation, activation, text, index[0], *index)
        chosen = backend_for(both.device, backend)
        return _explain(scores, grids, kernel_size, eci_cap, None if stages else later, chosen)


def maps_from_scores(
    context_activation: Array,
    target_activation: Array,
    text_scores: Array,
    context_ids: Array | Sequence[int],
    target_ids: Array | Sequence[int],
    causal_stop: Array | Sequence[int],
    scale_stop: Array | Sequence[int],
    grids: Sequence[tuple[int, int]] | NDArray[np.int64],
    kernel_size: int = KERNEL_SIZE,
    *,
    eci_cap: float = math.inf,
    stages: bool = False,
    backend: str | None = None,
) -> TokenActivationMaps:
    """Compute the maps of M targets in the context of K words, from scores.

    Parameters
    ----------
    context_activation
        [N, K]: score of each vision cell for each context word.
    target_activation
        [N, M]: score of each vision cell for each target.
    text_scores
        [K, M]: score of each context word's state for each target.
    context_ids, target_ids
        Int [K] and [M]: token ids.
    causal_stop
        Int [M]: the causal step of target m uses the context words ``i < causal_stop[m]``.
    scale_stop
        Int [M]: the joint scaling of target m uses the context words ``i < scale_stop[m]``.
    grids, kernel_size, eci_cap, stages, backend
        As in :func:`token_activation_maps`.

    Raises
    ------
    NumericsError
        If shapes do not fit, a score is not finite, or the kernel size is not odd.
    SetupError
        If the requested backend cannot be used.

    Examples
    --------
    A further candidate for a step with three earlier words:

    >>> context, target, text = np.ones((4, 3)), np.arange(4.0)[:, None], np.ones((3, 1))
    >>> r = maps_from_scores(context, target, text, [5, 6, 7], [9], [3], [3], [(2, 2)])
    >>> r.maps.shape
    (1, 4)
    """
    later = partial(
        maps_from_scores,
        context_activation,
        target_activation,
        text_scores,
        context_ids,
        target_ids,
        causal_stop,
        scale_stop,
        grids,
        kernel_size,
        eci_cap=eci_cap,
        stages=True,
        backend=backend,
    )
    target = as_tensor(target_activation).T
    context, text = (as_tensor(v).T.to(target.device) for v in (context_activation, text_scores))
    indices = (context_ids, target_ids, causal_stop, scale_stop)
    scores = Scores(context, target, text, *to_device_of(target, *map(as_index, indices)))
    chosen = backend_for(target.device, backend)
    named = {"context": context, "target": target, "text": text}
    with one_thread(target.device):
        if not math.isfinite(sum(values.sum() for values in named.values())):
            for name, values in named.items():
                if not bool(torch.isfinite(values).all()):
                    raise not_finite(f"{name} scores")
        result = _explain(scores, grids, kernel_size, eci_cap, None if stages else later, chosen)
    return result.numpy() if isinstance(target_activation, np.ndarray) else result


def memory_needed(targets: int, cells: int) -> int:
    """Estimate the peak memory of computing the maps of a run, in bytes.

    It consists of the scores of K targets at the N vision cells and at each other [K, N + K], the
    text scores and the relevance [K, K], and one final copy of each, all in float32; and of the
    scratch memory of a chunk.

    Parameters
    ----------
    targets, cells
        K and N.
    """
    kept = targets * (2 * cells + 4 * targets) * 4
    return kept + _SCRATCH


def positive_scores(products: torch.Tensor) -> torch.Tensor:
    """Apply the ReLU of the scores to products of states and head rows, in place.

    Raises
    ------
    NumericsError
        If a product is not finite, which the ReLU could hide.
    """
    # If the sum is finite, so are all products.
    if not math.isfinite(products.sum().item()) and not bool(torch.isfinite(products).all()):
        raise not_finite("products of states and head rows")
    return products.relu_()


def _explain(
    scores: Scores,
    grids: Sequence[tuple[int, int]] | NDArray[np.int64],
    kernel_size: int,
    eci_cap: float,
    later: "partial[TokenActivationMaps] | None",
    backend: str,
) -> TokenActivationMaps:
    """Explain M targets in chunks. ``later`` computes the stages on demand; None keeps them now.

    If the targets are their own context and the stages are not kept, the maps overwrite the scores
    from the last chunk to the first, which is safe because no target has a later one as context.
    """
    check_shapes(scores)
    target, text = scores.target, scores.text
    count, cells = target.shape
    grids = [(int(h), int(w)) for h, w in grids]  # also converts the rows of an array
    check_grids(grids, cells, kernel_size)
    # float64 on a CPU makes results exact to the last grey level, which the filter keeps when it
    # rounds the maps that it has scaled. Other devices use float32.
    exact = target.device.type == "cpu" and backend == "torch"
    dtype = torch.float64 if exact else torch.float32
    own = target is scores.context and later is not None
    maps = target if own else torch.empty(count, cells, device=target.device)
    after = torch.empty_like(maps) if later is None else None
    used = torch.empty(text.shape, device=target.device)
    relevance = torch.empty_like(used)

    def explain(first: int, last: int) -> None:
        rows = slice(first, last)
        text_rows = text[rows].to(dtype)
        residual, low, high = select("causal_residual", backend)(
            scores.context,
            target[rows].to(dtype),
            text_rows,
            scores.context_ids,
            scores.target_ids[rows],
            scores.causal_stop[rows],
            eci_cap,
        )
        origin, span, relevance[rows], used[rows] = select("joint_scaling", backend)(
            low, high, text_rows, scores.scale_stop[rows]
        )
        select("rank_filter", backend)(residual, grids, kernel_size, origin, span, maps[rows])
        if after is not None:
            after[rows] = residual

    elements = _CHUNK_CPU if target.device.type == "cpu" else _CHUNK
    widest = max(cells, text.shape[1])
    in_chunks("targets", count, max(1, elements // widest), explain)
    return TokenActivationMaps(
        maps=maps,
        text_scores=used,
        relevance=relevance,
        stages=(target.float(), after) if later is None else later,
    )
