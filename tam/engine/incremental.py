"""Token activation maps of targets that are added one after another, while the model writes.

Each target costs one product of the vision states with its row of the head, and O(N) for each
earlier target; nothing is computed twice.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from tam.defaults import KERNEL_SIZE
from tam.engine.maps import maps_from_scores, positive_scores

Floats = NDArray[np.float32]

Score = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

_FIRST_CAPACITY = 64


class IncrementalMaps:
    """The maps of all targets so far.

    Parameters
    ----------
    score
        Maps int64 [M] token ids and states [P, D] to float32 [P, M] scores, without ReLU.
    vision_states
        [N, D] of any floating dtype: final-normed last hidden states of the vision cells.
    grids
        ``(h, w)`` of each picture or frame.
    prompt_targets
        The number of targets that are prompt words; they come first.
    kernel_size
        Odd size of the filter's window.
    eci_cap
        The largest scale at which the interference of earlier words is subtracted.

    Attributes
    ----------
    count
        K, the number of targets so far.

    Examples
    --------
    >>> states, head = torch.eye(6, 4), torch.eye(9, 4)
    >>> score = lambda ids, states: states @ head[ids].T
    >>> maps = IncrementalMaps(score, states[:4], [(2, 2)], prompt_targets=1)
    >>> maps.extend(states[4:5], [7])
    >>> maps.extend(states[5:], [8])
    >>> maps.maps(2).shape, maps.relevance(2).shape
    ((2, 4), (2, 2))
    """

    def __init__(
        self,
        score: Score,
        vision_states: torch.Tensor,
        grids: Sequence[tuple[int, int]],
        prompt_targets: int,
        kernel_size: int = KERNEL_SIZE,
        eci_cap: float = math.inf,
    ) -> None:
        self.count = 0
        self._score = score
        self._grids = grids
        self._prompt_targets = prompt_targets
        self._kernel_size = kernel_size
        self._eci_cap = eci_cap
        self._cells, width = vision_states.shape
        room = vision_states.new_empty(_FIRST_CAPACITY, width)
        self._states = torch.cat([vision_states, room])
        self._activation = torch.empty(_FIRST_CAPACITY, self._cells, device=vision_states.device)
        self._ids = np.zeros(_FIRST_CAPACITY, np.int64)
        self._maps = np.zeros((_FIRST_CAPACITY, self._cells), np.float32)
        self._text = np.zeros((_FIRST_CAPACITY, _FIRST_CAPACITY), np.float32)
        self._relevance = np.zeros((_FIRST_CAPACITY, _FIRST_CAPACITY), np.float32)

    def extend(self, context_states: torch.Tensor, ids: Sequence[int]) -> None:
        """Add M targets: all words of the prompt at once, or what the model has written since.

        Parameters
        ----------
        context_states
            [M, D]: the states at the targets' context positions.
        ids
            M token ids: the targets' classes.

        Raises
        ------
        NumericsError
            If a score is not finite.
        """
        first, last = self.count, self.count + len(ids)
        self._reserve(last)
        cells = self._cells
        self._states[cells + first : cells + last] = context_states
        self._ids[first:last] = ids
        scores = self._score(torch.tensor(ids), self._states[: cells + last])
        target, text = positive_scores(scores).split([cells, last])
        self._activation[first:last] = target.T
        stops = np.arange(first, last)
        found = maps_from_scores(
            self._activation[:last].T,
            target,
            text,
            self._ids[:last],
            self._ids[first:last],
            stops,
            np.maximum(stops, self._prompt_targets),
            self._grids,
            self._kernel_size,
            eci_cap=self._eci_cap,
        )
        self._maps[first:last] = found.maps.cpu()
        self._text[first:last, :last] = found.text_scores.cpu()
        self._relevance[first:last, :last] = found.relevance.cpu()
        self.count = last

    def maps(self, count: int) -> Floats:
        """Return the maps of the first targets, float32 [count, N] in [0, 1].

        They do not change when later targets are added.
        """
        view = self._maps[:count]
        view.flags.writeable = False
        return view

    def text_scores(self, count: int) -> Floats:
        """Return the scores of the earlier words, float32 [count, count], as the engine does."""
        return self._text[:count, :count].copy()

    def relevance(self, count: int) -> Floats:
        """Return the same on the scale of each target's map, float32 [count, count] in [0, 1]."""
        return self._relevance[:count, :count].copy()

    def _reserve(self, count: int) -> None:
        """Grow the buffers to twice their size or more. Arrays returned earlier stay valid."""
        before = len(self._ids)
        if count <= before:
            return
        rows = max(count, 2 * before) - before
        self._states = torch.cat(
            [self._states, self._states.new_empty(rows, self._states.shape[1])]
        )
        self._activation = torch.nn.functional.pad(self._activation, (0, 0, 0, rows))
        self._ids = np.pad(self._ids, (0, rows))
        self._maps = np.pad(self._maps, ((0, rows), (0, 0)))
        self._text = np.pad(self._text, (0, rows))
        self._relevance = np.pad(self._relevance, (0, rows))
