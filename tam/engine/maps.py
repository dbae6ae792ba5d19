"""Token activation maps of all targets at once (arXiv 2506.23270).

Three functions: :func:`token_activation_maps` starts at hidden states and rows of the head,
:func:`maps_of_run` at the scores that a head of any kind gives them, :func:`maps_from_scores` at
scores of targets in the context of other words. They take NumPy arrays or torch tensors on any
device and answer in kind. Beside what they return they need a bounded scratch,
whatever the length of the video or the answer.
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
    beside,
    blame,
    check_grids,
    check_shapes,
    checked,
    misfit,
    not_finite,
)
from tam.engine.ops.blocks import in_chunks, one_thread
from tam.engine.ops.dispatch import backend_for, select
from tam.engine.result import TokenActivationMaps

# Elements of one map stage that are worked on at once: 16 MiB in float64 on a CPU, 256 MiB in
# float32 elsewhere. Longer runs go in chunks of targets.
_CHUNK_CPU, _CHUNK = 1 << 21, 1 << 26

# Bytes that a chunk works with, several arrays of its size.
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
        [K, D]: the LM-head row of each target's class id; or with ``class_ids`` the head [V, D],
        of which only those rows are read.
    vision_positions
        Int [N]: positions of the vision cells, grid after grid, each row-major.
    context_positions
        Int [K]: the position whose state stands for each target: a prompt word's own, for a
        generated token the one that predicted it.
    context_ids
        Int [K]: token ids, for the rule that a word does not explain itself away.
    grids
        ``(h, w)`` of each picture or frame, ``sum(h * w) == N``; also an int array [G, 2].
    prompt_targets
        How many of the K targets are prompt words.
    kernel_size
        Odd size of the filter's window.
    eci_cap
        The largest scale at which the interference of earlier words is subtracted; 0 leaves it.
    class_ids
        Int [K]: rows of the head.
    stages
        Keep the maps before scaling and filtering too, at once.
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
        If the backend that is asked for cannot be used.

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
        raise misfit(f"hidden {list(states.shape)} and head rows {list(head.shape)} do not fit")
    classes = torch.arange(len(head)) if class_ids is None else checked("class", class_ids, head)
    count = len(classes)
    if len(context) != count:
        raise misfit(f"{len(context)} context positions for {count} head rows")
    if not 0 <= prompt_targets <= count:
        raise misfit(f"prompt_targets {prompt_targets} is not between 0 and {count}")
    chosen = backend_for(states.device, backend)
    targets = torch.arange(count)
    places, rows, ids, targets, stops = beside(
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
        # Queued last, so that a GPU works while the CPU waits. A finite sum needs no closer look.
        if not math.isfinite(total.item()) and not bool(torch.isfinite(projected()).all()):
            blame(
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
    """Explain every target of one run, from the scores of its joined states.

    Parameters
    ----------
    score
        Gives float32 [N + K, K], without ReLU: products of the vision cells' states, then of the
        states at the K context positions, with the head rows of the targets' classes. A new tensor,
        which is overwritten; called again where stages are asked for later.
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
        raise misfit(f"scores {list(both.T.shape)} of {cells} cells and {len(ids)} targets")
    with one_thread(both.device):
        activation, text = positive_scores(both).split([cells, count], dim=1)
        targets = torch.arange(count)
        index = beside(both, as_index(ids), targets, targets.clamp(min=int(prompt_targets)))
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
    """Make the maps of M targets in the context of K words, from scores.

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
        Int [M]: target m has the context words ``i < causal_stop[m]`` for the causal step,
    scale_stop
        Int [M]: and the words ``i < scale_stop[m]`` for the joint scaling.
    grids, kernel_size, eci_cap, stages, backend
        As in :func:`token_activation_maps`.

    Raises
    ------
    NumericsError
        If shapes do not fit, a score is not finite, or the kernel size is not odd.
    SetupError
        If the backend that is asked for cannot be used.

    Examples
    --------
    One more candidate for a step that has three words before it:

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
    scores = Scores(context, target, text, *beside(target, *map(as_index, indices)))
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
    """Estimate what the maps of a run take at their peak, in bytes.

    Scores of K targets at N vision cells and at each other [K, N + K], the text scores and the
    relevance made of them [K, K], one copy of each at the end, all in float32; and the scratch of
    a chunk.

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
        If a product is not finite, which a ReLU could hide.
    """
    # A finite sum needs no look at each.
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
    """Explain M targets, a chunk at a time; without a call to make the stages later, keep them.

    Where the targets are their own context and no stage is asked for, the maps take the place of
    the scores, from the last chunk to the first: no target has a later one for context.
    """
    check_shapes(scores)
    target, text = scores.target, scores.text
    count, cells = target.shape
    grids = [(int(h), int(w)) for h, w in grids]  # an array's rows, too
    check_grids(grids, cells, kernel_size)
    # The CPU has float64 at hand: results are exact to the last grey level. Elsewhere float32.
    exact = target.device.type == "cpu" and backend == "torch"
    dtype = torch.float64 if exact else torch.float32
    own = target is scores.context and later is not None
    maps = target if own else torch.empty(count, cells, device=target.device)
    after = torch.empty_like(maps) if later is None else None
    used = torch.empty(text.shape, device=target.device)
    relevance = torch.empty_like(used)

    def explain(first: int, last: int) -> None:
        rows = slice(first, last)
        said = text[rows].to(dtype)
        residual, low, high = select("causal_residual", backend)(
            scores.context,
            target[rows].to(dtype),
            said,
            scores.context_ids,
            scores.target_ids[rows],
            scores.causal_stop[rows],
            eci_cap,
        )
        origin, span, relevance[rows], used[rows] = select("joint_scaling", backend)(
            low, high, said, scores.scale_stop[rows]
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
