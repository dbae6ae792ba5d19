"""Token activation maps of all targets at once (arXiv 2506.23270).

Two functions: :func:`token_activation_maps` starts at hidden states, :func:`maps_from_scores` at
the scores that they give. Both take NumPy arrays or torch tensors on any device and answer in kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from tam.errors import NumericsError
from tam.ops.dispatch import select

Array: TypeAlias = torch.Tensor | NDArray[Any]


@dataclass(frozen=True, eq=False)
class TokenActivationMaps:
    """Maps of M targets over N vision cells, with the stages before them.

    Each is float32, a torch tensor on the inputs' device or a NumPy array, as the inputs were.

    Parameters
    ----------
    activation
        [M, N]: projection of the vision states on each target's row.
    after_eci
        [M, N]: after estimated causal inference.
    maps
        [M, N] in [0, 1]: jointly scaled and filtered.
    text_scores
        [M, K]: row t holds X[i, t] for i < scale_stop[t], else 0.
    relevance
        [M, K] in [0, 1]: the text scores on the scale of the target's map.
    """

    activation: Any
    after_eci: Any
    maps: Any
    text_scores: Any
    relevance: Any


def token_activation_maps(
    hidden: Array,
    head_rows: Array,
    vision_positions: Array | Sequence[int],
    context_positions: Array | Sequence[int],
    context_ids: Array | Sequence[int],
    grids: Sequence[tuple[int, int]],
    prompt_targets: int,
    kernel_size: int = 3,
) -> TokenActivationMaps:
    """Explain every target of one run.

    Parameters
    ----------
    hidden
        [L, D] of any floating dtype: the final-normed last hidden states.
    head_rows
        [K, D]: the LM-head row of each target's class id.
    vision_positions
        Int [N]: positions of the vision cells, grid after grid, each row-major.
    context_positions
        Int [K]: the position whose state stands for each target: a prompt word's own, for a
        generated token the one that predicted it.
    context_ids
        Int [K]: token ids, for the rule that a word does not explain itself away.
    grids
        ``(h, w)`` of each picture or frame, ``sum(h * w) == N``.
    prompt_targets
        How many of the K targets are prompt words.
    kernel_size
        Odd size of the filter's window.

    Returns
    -------
    Maps with M = K.

    Raises
    ------
    NumericsError
        If shapes do not fit, a position is out of range, or a needed state or row is not finite.

    Examples
    --------
    >>> hidden, rows = np.eye(6, 4, dtype=np.float32), np.eye(2, 4, dtype=np.float32)
    >>> r = token_activation_maps(hidden, rows, [0, 1, 2, 3], [4, 5], [7, 8], [(2, 2)], 1)
    >>> r.maps.shape, r.text_scores.shape
    ((2, 4), (2, 2))
    """
    states, rows = _tensor(hidden), _tensor(head_rows)
    vision, context = _index(vision_positions, states), _index(context_positions, states)
    if states.ndim != 2 or rows.ndim != 2 or states.shape[1] != rows.shape[1]:
        raise _misfit(f"hidden {list(states.shape)} and head rows {list(rows.shape)} do not fit")
    if len(context) != len(rows):
        raise _misfit(f"{len(context)} context positions for {len(rows)} head rows")
    for name, positions in (("vision", vision), ("context", context)):
        if len(positions) and not (0 <= int(positions.min()) <= int(positions.max()) < len(states)):
            raise _misfit(f"a {name} position lies outside the {len(states)} states")
    if not 0 <= prompt_targets <= len(rows):
        raise _misfit(f"prompt_targets {prompt_targets} is not between 0 and {len(rows)}")
    project = select("projection")
    _check_finite("head rows", rows)
    _check_finite("vision states", states[vision])
    _check_finite("context states", states[context])
    targets = torch.arange(len(rows), device=states.device)
    result = maps_from_scores(
        activation := project(states[vision], rows),
        activation,
        project(states[context], rows),
        context_ids,
        context_ids,
        targets,
        targets.clamp(min=prompt_targets),
        grids,
        kernel_size,
    )
    return _as_numpy(result) if isinstance(hidden, np.ndarray) else result


def maps_from_scores(
    context_activation: Array,
    target_activation: Array,
    text_scores: Array,
    context_ids: Array | Sequence[int],
    target_ids: Array | Sequence[int],
    causal_stop: Array | Sequence[int],
    scale_stop: Array | Sequence[int],
    grids: Sequence[tuple[int, int]],
    kernel_size: int = 3,
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
    grids, kernel_size
        As in :func:`token_activation_maps`.

    Raises
    ------
    NumericsError
        If shapes do not fit, a score is not finite, or the kernel size is not odd.

    Examples
    --------
    One more candidate for a step that has three words before it:

    >>> context, target, text = np.ones((4, 3)), np.arange(4.0)[:, None], np.ones((3, 1))
    >>> r = maps_from_scores(context, target, text, [5, 6, 7], [9], [3], [3], [(2, 2)])
    >>> r.maps.shape
    (1, 4)
    """
    device = _tensor(target_activation).device
    # The CPU has float64 at hand, and these arrays are small beside the states: results then are
    # exact to the last grey level. Accelerators stay in float32.
    dtype = torch.float64 if device.type == "cpu" else torch.float32
    context, target, text = (
        _tensor(scores).to(device, dtype)
        for scores in (context_activation, target_activation, text_scores)
    )
    ids, own, causal, scale = (
        _index(values, target) for values in (context_ids, target_ids, causal_stop, scale_stop)
    )
    _check_scores(context, target, text, (len(ids), len(own), len(causal), len(scale)))
    _check_grids(grids, len(target), kernel_size)
    residual = select("causal_residual")(context, target, text, ids, own, causal)
    scaled, relevance = select("joint_scaling")(residual, text, scale)
    maps = select("rank_filter")(scaled.T.contiguous(), grids, kernel_size)
    used = torch.arange(len(ids), device=device)[:, None] < scale
    result = TokenActivationMaps(
        activation=target.T.float(),
        after_eci=residual.T.float(),
        maps=maps.clamp_(0, 1).float(),
        text_scores=torch.where(used, text, 0).T.float(),
        relevance=relevance.T.float(),
    )
    return _as_numpy(result) if isinstance(target_activation, np.ndarray) else result


def _tensor(values: Array) -> torch.Tensor:
    return torch.from_numpy(values) if isinstance(values, np.ndarray) else values.detach()


def _index(values: Array | Sequence[int], like: torch.Tensor) -> torch.Tensor:
    return torch.as_tensor(values, dtype=torch.int64, device=like.device)


def _as_numpy(result: TokenActivationMaps) -> TokenActivationMaps:
    return TokenActivationMaps(*(value.numpy() for value in vars(result).values()))


def _misfit(what: str) -> NumericsError:
    return NumericsError(what, where="engine", remedy="check the shapes in the docstring")


def _check_finite(name: str, values: torch.Tensor) -> None:
    if not bool(torch.isfinite(values).all()):
        raise NumericsError(
            f"{name} hold NaN or infinity",
            where="engine",
            remedy="run the model in bfloat16 or float32: float16 may overflow",
        )


def _check_scores(
    context: torch.Tensor, target: torch.Tensor, text: torch.Tensor, lengths: tuple[int, ...]
) -> None:
    n, k, m = len(target), lengths[0], lengths[1]
    shapes = (tuple(context.shape), tuple(target.shape), tuple(text.shape))
    if shapes != ((n, k), (n, m), (k, m)) or lengths[2:] != (m, m):
        raise _misfit(f"scores {shapes} with {k} context ids and {m} target ids")
    for name, scores in (("context", context), ("target", target), ("text", text)):
        _check_finite(f"{name} scores", scores)


def _check_grids(grids: Sequence[tuple[int, int]], cells: int, kernel_size: int) -> None:
    if any(h < 1 or w < 1 for h, w in grids) or sum(h * w for h, w in grids) != cells:
        raise _misfit(f"grids {list(grids)} do not hold the {cells} vision cells")
    if cells == 0:
        raise _misfit("there is no vision cell")
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise _misfit(f"kernel size {kernel_size} is not odd")
