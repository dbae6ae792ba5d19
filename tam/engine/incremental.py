"""Token activation maps of targets that come one after another, while the model writes.

Each target costs one product of the vision states with its row of the head, and O(N) for each
target before it; nothing is computed twice.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from tam.defaults import KERNEL_SIZE
from tam.engine.maps import maps_from_scores
from tam.engine.ops.dispatch import backend_for, select

Floats = NDArray[np.float32]

_FIRST_CAPACITY = 64


class GrowingMaps:
    """The maps of all targets so far.

    Parameters
    ----------
    vision_states
        [N, D] of any floating dtype: final-normed last hidden states of the vision cells.
    grids
        ``(h, w)`` of each picture or frame.
    prompt_targets
        How many of the targets are prompt words; they come first.
    kernel_size
        Odd size of the filter's window.

    Attributes
    ----------
    count
        K, the targets so far.

    Examples
    --------
    >>> states, rows = torch.eye(6, 4), torch.eye(2, 4)
    >>> growing = GrowingMaps(states[:4], [(2, 2)], prompt_targets=1)
    >>> growing.extend(states[4:5], rows[:1], [7])
    >>> growing.extend(states[5:], rows[1:], [8])
    >>> growing.maps(2).shape, growing.relevance(2).shape
    ((2, 4), (2, 2))
    """

    def __init__(
        self,
        vision_states: torch.Tensor,
        grids: Sequence[tuple[int, int]],
        prompt_targets: int,
        kernel_size: int = KERNEL_SIZE,
    ) -> None:
        self.count = 0
        self._vision = vision_states
        self._grids = grids
        self._prompt_targets = prompt_targets
        self._kernel_size = kernel_size
        self._project = select("projection", backend_for(vision_states.device))
        cells, width = vision_states.shape
        self._every_cell = torch.arange(cells, device=vision_states.device)
        self._states = vision_states.new_empty(_FIRST_CAPACITY, width)
        self._activation = torch.empty(_FIRST_CAPACITY, cells, device=vision_states.device)
        self._ids = np.zeros(_FIRST_CAPACITY, np.int64)
        self._maps = np.zeros((_FIRST_CAPACITY, cells), np.float32)
        self._text = np.zeros((_FIRST_CAPACITY, _FIRST_CAPACITY), np.float32)
        self._relevance = np.zeros((_FIRST_CAPACITY, _FIRST_CAPACITY), np.float32)

    def extend(
        self, context_states: torch.Tensor, head_rows: torch.Tensor, ids: Sequence[int]
    ) -> None:
        """Add M targets: all words of the prompt at once, or what the model wrote since.

        Parameters
        ----------
        context_states
            [M, D]: the states at the targets' context positions.
        head_rows
            [M, D]: the LM-head rows of their classes.
        ids
            M token ids, for the rule that a word does not explain itself away.

        Raises
        ------
        NumericsError
            If a state or a row is not finite.
        """
        first, last = self.count, self.count + len(ids)
        self._reserve(last)
        device = self._vision.device
        new, rows = torch.arange(len(ids), device=device), head_rows.to(device)
        self._states[first:last] = context_states
        self._ids[first:last] = ids
        target = self._project(self._vision, self._every_cell, rows, new)
        self._activation[first:last] = target
        words = torch.arange(last, device=device)
        text = self._project(self._states, words, rows, new)
        stops = np.arange(first, last)
        found = maps_from_scores(
            self._activation[:last].T,
            target.T,
            text.T,
            self._ids[:last],
            self._ids[first:last],
            stops,
            np.maximum(stops, self._prompt_targets),
            self._grids,
            self._kernel_size,
        )
        self._maps[first:last] = found.maps.cpu()
        self._text[first:last, :last] = found.text_scores.cpu()
        self._relevance[first:last, :last] = found.relevance.cpu()
        self.count = last

    def maps(self, count: int) -> Floats:
        """float32 [count, N]: maps of the first targets, in [0, 1]; later ones change nothing."""
        view = self._maps[:count]
        view.flags.writeable = False
        return view

    def text_scores(self, count: int) -> Floats:
        """float32 [count, count]: scores of the earlier words, as the engine gives them."""
        return self._text[:count, :count].copy()

    def relevance(self, count: int) -> Floats:
        """float32 [count, count] in [0, 1]: the same on the scale of each target's map."""
        return self._relevance[:count, :count].copy()

    def _reserve(self, count: int) -> None:
        """Make room, at least twice as much as before. What was given out keeps its own memory."""
        before = len(self._ids)
        if count <= before:
            return
        rows = max(count, 2 * before) - before
        self._states = torch.cat([self._states, self._states.new_empty(rows, len(self._states[0]))])
        self._activation = torch.nn.functional.pad(self._activation, (0, 0, 0, rows))
        self._ids = np.pad(self._ids, (0, rows))
        self._maps = np.pad(self._maps, ((0, rows), (0, 0)))
        self._text = np.pad(self._text, (0, rows))
        self._relevance = np.pad(self._relevance, (0, rows))
