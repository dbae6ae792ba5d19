"""The data of an explanation, and its maps at the size of the pictures.

The data are NumPy arrays and text, without a model or device tensors. An unknown value is None, or
NaN inside an array.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.errors import InputError
from tam.explanation.calibration import CALIBRATED, PLANTED, WEIGHTS_KEY
from tam.explanation.check import Check
from tam.explanation.dropped import dropped_texts
from tam.geometry.layout import DroppedText, TextToken, VisionGrid
from tam.geometry.upsample import coverage, coverage_at, upsample_at
from tam.media.media import Media

CUT_MARK = "… (cut at its limit)"
"""The mark after a reply that was cut, wherever its text is shown."""


@dataclass(frozen=True)
class Candidate:
    """A token that the model considered at one step.

    Parameters
    ----------
    id
        Token id.
    text
        Its text when decoded by itself.
    probability
        Softmax of the model's raw logits, in [0, 1].
    """

    id: int
    text: str
    probability: float


@dataclass(frozen=True)
class Prediction:
    """The model's prediction at the step that produced one token.

    Parameters
    ----------
    probability
        Softmax of the raw logits at the written token.
    sampled_probability
        The same under the distribution that was sampled from (temperature, top-k, top-p,
        penalties), or None if the reply was given or not sampled.
    candidates
        The most probable tokens, most probable first.
    """

    probability: float
    sampled_probability: float | None
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Stages:
    """The maps before scaling and filtering.

    Parameters
    ----------
    activation
        float32 [K, N], non-negative: the LM head's score of each target at each cell.
    after_eci
        float32 [K, N]: the same after estimated causal inference, on the same scale.
    """

    activation: NDArray[np.float32]
    after_eci: NDArray[np.float32]

    def __repr__(self) -> str:
        targets, cells = self.activation.shape
        return f"<Stages of {targets} targets on {cells} cells>"


@dataclass(frozen=True, eq=False, repr=False)
class ExplanationData:
    """The data of one explained reply.

    Parameters
    ----------
    media
        The pictures and clips of the conversation, in order.
    tokens
        The K targets: the conversation's text tokens, first those of the prompt, then those of the
        reply.
    prompt_targets
        The number of targets before the reply.
    predictions
        The predictions of the reply's K - prompt_targets tokens.
    grids
        The vision grids; their cells, one grid after another, are the N columns of the maps.
    maps
        float32 [K, N] in [0, 1]. NaN where unknown: in rows of targets that were not explained, and
        at cells for which the method gives no value.
    text_scores
        float32 [K, K]: row t has the raw score of each earlier token i for target t, NaN if target
        t was not explained. None if the method scores only pictures.
    relevance
        float32 [K, K] in [0, 1]: the same on the scale of target t's map, so that the evidence in
        pictures and in earlier words can be compared. If the provenance names another method for it
        (``"relevance"``), it has a scale of its own. None if ``text_scores`` is None.
    provenance
        Model, versions, dtype, options and notes of the run. JSON values only.
    stages
        The maps before scaling and filtering, or None if they were not requested.
    candidate_maps
        float32 [K - prompt_targets, C, N] in [0, 1]: the maps that the first C candidates of each
        of the reply's tokens would have in its place, or None if they were not requested.
    token_grounding
        float32 [K - prompt_targets]: how far the picture supports each word, in [0, 1] at the
        word's first token, NaN elsewhere and for words without a score
        (:mod:`tam.recording.grounding`). None if it was not computed.
    checks
        The checks of words (:mod:`tam.check`); may be empty.
    """

    media: tuple[Media, ...]
    tokens: tuple[TextToken, ...]
    prompt_targets: int
    predictions: tuple[Prediction, ...]
    grids: tuple[VisionGrid, ...]
    maps: NDArray[np.float32]
    text_scores: NDArray[np.float32] | None
    relevance: NDArray[np.float32] | None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    stages: Stages | None = None
    candidate_maps: NDArray[np.float32] | None = None
    token_grounding: NDArray[np.float32] | None = None
    checks: tuple[Check, ...] = ()

    @property
    def text(self) -> str:
        """The reply."""
        return "".join(token.text for token in self.tokens[self.prompt_targets :])

    @property
    def on_one_scale(self) -> bool:
        """Whether maps and relevance come from one method, so that their values are comparable."""
        return "relevance" not in self.provenance

    @property
    def grounding_is_calibrated(self) -> bool:
        """Whether the grounding score has the weights fitted for the model, see ``CALIBRATED``."""
        fitted = CALIBRATED.get(self.provenance.get("model", ""))
        used = self.provenance.get(WEIGHTS_KEY, list(PLANTED))
        return fitted is not None and used == list(fitted)

    @cached_property
    def dropped(self) -> tuple[DroppedText, ...]:
        """The text that the chat template dropped, such as the thoughts of an earlier reply."""
        return dropped_texts(self.provenance)

    @property
    def cut(self) -> bool | None:
        """Whether the reply was cut at a limit of tokens or time; None if unknown."""
        cut = self.provenance.get("cut")
        return cut if isinstance(cut, bool) else None

    @cached_property
    def word_targets(self) -> tuple[tuple[int, ...], ...]:
        """The targets of each word, the prompt's words first; white space belongs to no word."""
        groups: dict[tuple[bool, int], list[int]] = {}
        for target, token in enumerate(self.tokens):
            if token.word >= 0:
                groups.setdefault((target >= self.prompt_targets, token.word), []).append(target)
        return tuple(tuple(group) for group in groups.values())

    @cached_property
    def word_numbers(self) -> dict[tuple[int, ...], int]:
        """The index of each word among those of the reply, or of the prompt, by its targets."""
        first = sum(word[0] < self.prompt_targets for word in self.word_targets)
        return {
            word: index - first if index >= first else index
            for index, word in enumerate(self.word_targets)
        }

    @cached_property
    def text_starts(self) -> tuple[int, ...]:
        """The offset in the reply's text at which each of its tokens begins."""
        lengths = (len(token.text) for token in self.tokens[self.prompt_targets :])
        return tuple(itertools.accumulate(lengths, initial=0))

    @cached_property
    def word_ends(self) -> NDArray[np.int64]:
        """The last target of each target's word, int64 [K]; K for a target without a word."""
        ends = np.full(len(self.tokens), len(self.tokens), np.int64)
        for word in self.word_targets:
            ends[list(word)] = word[-1]
        return ends

    def by_grid(self, row: NDArray[np.float32]) -> Iterator[tuple[VisionGrid, NDArray[np.float32]]]:
        """Yield each grid with its part of the maps [..., N], float32 [..., t, h, w]."""
        first = 0
        for grid in self.grids:
            cells = row[..., first : first + grid.cells]
            yield grid, cells.reshape(*row.shape[:-1], *grid.shape)
            first += grid.cells

    def token_map(self, target: int, media: int = 0, frame: int = 0) -> NDArray[np.float32]:
        """Return one token's map at the size of the picture.

        Parameters
        ----------
        target
            Index into ``tokens``.
        media, frame
            Index of the picture or clip, and of its frame.

        Returns
        -------
        ndarray
            float32 [H, W] in [0, 1], as from :meth:`picture_map`.
        """
        return self.picture_map(self.maps[target], media, frame)

    def candidate_row(self, target: int, candidate: int) -> NDArray[np.float32]:
        """Return the map that a candidate would have in place of a reply token, float32 [N].

        Raises
        ------
        InputError
            If that candidate has no map.
        """
        step = target - self.prompt_targets
        maps = self.candidate_maps
        if maps is None or not (0 <= step < len(maps) and 0 <= candidate < maps.shape[1]):
            raise InputError(
                f"candidate {candidate} of token {target} has no map",
                where="map",
                remedy="explain with a higher candidate_maps; words of the prompt never have one",
            )
        row: NDArray[np.float32] = maps[step, candidate]
        return row

    def candidate_map(
        self, target: int, candidate: int, media: int = 0, frame: int = 0
    ) -> NDArray[np.float32]:
        """Return the map that a candidate would have in place of a token of the reply.

        Parameters
        ----------
        target
            Index into ``tokens``.
        candidate
            Its rank among the step's candidates; 0 is the most probable one.
        media, frame
            Index of the picture or clip, and of its frame.

        Returns
        -------
        ndarray
            float32 [H, W] in [0, 1], as from :meth:`token_map`.

        Raises
        ------
        InputError
            If that candidate has no map.
        """
        return self.picture_map(self.candidate_row(target, candidate), media, frame)

    def picture_map(
        self, row: NDArray[np.float32], media: int = 0, frame: int = 0
    ) -> NDArray[np.float32]:
        """Upsample a map from the vision cells to the pixels of a picture.

        Parameters
        ----------
        row
            float32 [N]: a value for each vision cell.
        media, frame
            Index of the picture or clip, and of its frame.

        Returns
        -------
        ndarray
            float32 [H, W]; zero where the model saw nothing (see :meth:`coverage`), NaN where
            unknown. If a picture has several views, each pixel is the mean over the views that
            cover it.

        Raises
        ------
        InputError
            If the picture or frame is out of range.
        """
        item = self.item(media, frame)
        return self.picture_map_at(row, media, frame, np.arange(item.height), np.arange(item.width))

    def picture_map_at(
        self,
        row: NDArray[np.float32],
        media: int,
        frame: int,
        y: NDArray[np.int64],
        x: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """Return :meth:`picture_map` at the crossings of some pixel rows and columns, [Y, X]."""
        # A grid is zero outside its box, so a single grid needs no merging.
        parts = [
            (grid.box, cells[step])
            for grid, cells in self.by_grid(row)
            if grid.media == media and (step := grid.step_at(frame)) is not None
        ]
        if not parts:
            return np.zeros((len(y), len(x)), np.float32)
        total = upsample_at(parts[0][1], parts[0][0], y, x)
        if len(parts) == 1:
            return total
        views = coverage_at(parts[0][0], y, x).astype(np.float32)
        for box, cells in parts[1:]:
            total += upsample_at(cells, box, y, x)
            views += coverage_at(box, y, x)
        np.maximum(views, 1, out=views)
        total /= views
        return total

    def coverage(self, media: int = 0) -> NDArray[np.bool_]:
        """Return the pixels of a picture that the model's vision tokens cover, bool [H, W]."""
        item = self.item(media)
        masks = [
            coverage(grid.box, item.height, item.width)
            for grid in self.grids
            if grid.media == media
        ]
        return np.logical_or.reduce(masks) if masks else np.zeros((item.height, item.width), bool)

    def item(self, media: int, frame: int | None = None) -> Media:
        """Return a picture or clip by its index, after checking that it has the given frame.

        Raises
        ------
        InputError
            If the picture or frame is out of range.
        """
        if not 0 <= media < len(self.media):
            raise InputError(
                f"picture index {media} is out of range {_range(self.media)}",
                where="media",
                remedy="give the index of a picture or clip of the conversation",
            )
        item = self.media[media]
        if frame is not None and not 0 <= frame < len(item.frames):
            raise InputError(
                f"frame index {frame} of {item.name} is out of range {_range(item.frames)}",
                where="frame",
                remedy="give the index of one of its frames",
            )
        return item


def _range(items: Sequence[object] | NDArray[np.uint8]) -> str:
    return f"(0 to {len(items) - 1})" if len(items) else "(there are none)"
