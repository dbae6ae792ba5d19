"""The result: every word with its map over every picture and its relevance for other words.

An :class:`Explanation` holds NumPy arrays and text only: no model, no device tensors. It opens on
a machine without torch.
"""

import reprlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from tam.errors import InputError
from tam.explanation.word import Choice, Word
from tam.geometry.layout import Box, TextToken, VisionGrid
from tam.geometry.upsample import coverage, upsample
from tam.media.media import Media
from tam.resolver import DOORS, resolve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Candidate", "Explanation", "Prediction", "Stages", "Word"]

_REACHES = 0.8
_FAINT = 0.1
"""A word's evidence lies in a region where its map reaches this share of its maximum, and this."""


@dataclass(frozen=True)
class Candidate:
    """A token that the model considered at one step.

    Parameters
    ----------
    id
        Token id.
    text
        What it spells on its own.
    probability
        Softmax of the model's raw logits, in [0, 1].
    """

    id: int
    text: str
    probability: float


@dataclass(frozen=True)
class Prediction:
    """What the model thought when it wrote one token.

    Parameters
    ----------
    probability
        Softmax of the raw logits at the written token.
    sampled_probability
        The same in the distribution that was sampled from (temperature, top-k, top-p, penalties),
        or None where that was not recorded: the text was given, or nothing was sampled.
    candidates
        The most probable tokens, best first.
    """

    probability: float
    sampled_probability: float | None
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Stages:
    """What the maps were before they were scaled and filtered.

    Parameters
    ----------
    activation
        float32 [K, N], not negative: the head's score of each target at each cell.
    after_eci
        float32 [K, N]: the same after estimated causal inference, on the same scale.
    """

    activation: NDArray[np.float32]
    after_eci: NDArray[np.float32]

    def __repr__(self) -> str:
        targets, cells = self.activation.shape
        return f"<Stages of {targets} targets on {cells} cells>"


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """One explained reply.

    Parameters
    ----------
    media
        The pictures and clips of the conversation, in order.
    tokens
        The K targets: the conversation's text tokens, prompt first, then the reply's.
    prompt_targets
        How many of the K targets stand before the reply.
    predictions
        One for each of the reply's tokens, K - prompt_targets.
    grids
        The vision grids; their cells, one after another, are the N columns of the maps.
    maps
        float32 [K, N] in [0, 1].
    text_scores
        float32 [K, K]: row t holds the raw score of each earlier token i for target t.
    relevance
        float32 [K, K] in [0, 1]: the same on the scale of target t's map, so that a word's
        pictures and a word's earlier words can be compared.
    provenance
        What ran: model, versions, dtype, options, notes. JSON values only.
    stages
        The maps before scaling and filtering, or None where they were not asked for.
    candidate_maps
        float32 [K - prompt_targets, C, N] in [0, 1]: the maps that the first C candidates of each
        of the reply's tokens would have in its place, or None where they were not asked for.
    grounding
        float32 [K - prompt_targets]: how far the picture supports each word, in [0, 1] at the
        word's first token, NaN where there is no score (:mod:`tam.recording.grounding`); None
        where it was not computed.
    unknown
        bool [K, N]: cells whose value is not known; their map value is 0. None where all are known.
    """

    media: tuple[Media, ...]
    tokens: tuple[TextToken, ...]
    prompt_targets: int
    predictions: tuple[Prediction, ...]
    grids: tuple[VisionGrid, ...]
    maps: NDArray[np.float32]
    text_scores: NDArray[np.float32]
    relevance: NDArray[np.float32]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    stages: Stages | None = None
    candidate_maps: NDArray[np.float32] | None = None
    grounding: NDArray[np.float32] | None = None
    unknown: NDArray[np.bool_] | None = None

    @property
    def text(self) -> str:
        """The reply."""
        return "".join(token.text for token in self.tokens[self.prompt_targets :])

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """The reply's words."""
        return self._words(self.prompt_targets, len(self.tokens))

    @cached_property
    def prompt_words(self) -> tuple[Word, ...]:
        """The words that stand before the reply."""
        return self._words(0, self.prompt_targets)

    def _words(self, first: int, last: int) -> tuple[Word, ...]:
        groups: dict[int, list[int]] = {}
        for target in range(first, last):
            if self.tokens[target].word >= 0:
                groups.setdefault(self.tokens[target].word, []).append(target)
        return tuple(Word(self, tuple(group)) for group in groups.values())

    def phrase(self, text: str | range, merge: str = "geometric") -> Word:
        """Several words of the reply as one: a phrase, a sentence, the whole answer.

        Parameters
        ----------
        text
            As it stands in the reply; the first place where it does. Or a range of indices into
            ``tokens``.
        merge
            How the maps of its tokens become one, see :mod:`tam.explanation.merge`.

        Raises
        ------
        InputError
            If the reply does not say it, the range holds no tokens, or there is no such rule.
        """
        if isinstance(text, range):
            return Word(self, self._range(text), merge)
        first = self.text.find(text)
        if not text.strip() or first < 0:
            raise InputError(
                f"the reply does not say {text!r}", where="phrase", remedy="copy it from the reply"
            )
        targets, end = [], 0
        for target in range(self.prompt_targets, len(self.tokens)):
            start, end = end, end + len(self.tokens[target].text)
            if start < first + len(text) and end > first:
                targets.append(target)
        return Word(self, tuple(targets), merge)

    def _range(self, targets: range) -> tuple[int, ...]:
        if not targets or min(targets) < 0 or max(targets) >= len(self.tokens):
            raise InputError(
                f"there are no tokens {targets.start} to {targets.stop}",
                where="phrase",
                remedy=f"tokens are numbered 0 to {len(self.tokens) - 1}",
            )
        return tuple(targets)

    def words_for(self, box: Box, media: int = 0, frame: int | None = None) -> tuple[Word, ...]:
        """The reply's words whose evidence lies in a region of a picture, the highest there first.

        That is where a cell whose centre lies in the region has at least 0.8 of the word's highest
        value in all pictures, and at least 0.1.

        Parameters
        ----------
        box
            (x0, y0, x1, y1) in pixels of the picture.
        media, frame
            Which picture or clip; of a clip which frame, any where it is None.

        Raises
        ------
        InputError
            If there is no such picture or frame, or the region holds nothing of it.
        """
        item = self._media(media, frame)
        if not _overlaps(box, item):
            raise InputError(
                f"the region {box} holds nothing of the picture",
                where="words_for",
                remedy=f"give x0 < x1 and y0 < y1 within {item.width} × {item.height} pixels",
            )
        inside = self._inside(box, media, frame)
        found = []
        for word in self.words:
            cells = word.cells()
            highest = float(cells[inside].max(initial=0))
            if highest >= max(_FAINT, _REACHES * float(cells.max(initial=0))):
                found.append((highest, word))
        return tuple(word for _, word in sorted(found, key=lambda pair: -pair[0]))

    def _inside(self, box: Box, media: int, frame: int | None) -> NDArray[np.bool_]:
        """Which of the N cells of a picture have their centre in a box, bool [N]."""
        x0, y0, x1, y1 = box
        parts = []
        for grid in self.grids:
            left, top, right, bottom = grid.boxes.T
            x, y = (left + right) / 2, (top + bottom) / 2
            seen = (x0 <= x) & (x < x1) & (y0 <= y) & (y < y1) & (grid.media == media)
            first, last = grid.spans.T
            shown = np.ones(len(grid.spans), bool)
            if frame is not None:
                shown = (first <= frame) & (frame < last)
            parts.append(np.logical_and.outer(shown, seen).ravel())
        return np.concatenate([np.zeros(0, bool), *parts])

    def by_grid(self, row: NDArray[np.float32]) -> Iterator[tuple[VisionGrid, NDArray[np.float32]]]:
        """Cut the N columns of a map into its grids, each float32 [t, h, w]."""
        first = 0
        for grid in self.grids:
            yield grid, row[first : first + grid.cells].reshape(grid.shape)
            first += grid.cells

    def token_map(self, target: int, media: int = 0, frame: int = 0) -> NDArray[np.float32]:
        """One token's map at the size of the picture.

        Parameters
        ----------
        target
            Index into ``tokens``.
        media, frame
            Which picture or clip, and which of its frames.

        Returns
        -------
        float32 [H, W] in [0, 1], zero where the model saw nothing (see :meth:`coverage`). Where a
        picture has several views, the mean of the views that cover a pixel.
        """
        return self._picture(self.maps[target], media, frame)

    def candidate_map(
        self, target: int, candidate: int, media: int = 0, frame: int = 0
    ) -> NDArray[np.float32]:
        """The map that a candidate would have in the place of a token of the reply.

        Parameters
        ----------
        target
            Index into ``tokens``.
        candidate
            Its rank among the step's candidates, the most probable one is 0.
        media, frame
            Which picture or clip, and which of its frames.

        Returns
        -------
        float32 [H, W] in [0, 1], as :meth:`token_map` has it.

        Raises
        ------
        InputError
            If there is no map of that candidate.
        """
        step = target - self.prompt_targets
        maps = self.candidate_maps
        if maps is None or not (0 <= step < len(maps) and 0 <= candidate < maps.shape[1]):
            raise InputError(
                f"there is no map of candidate {candidate} of token {target}",
                where="map",
                remedy="explain with a higher candidate_maps; words of the prompt have none",
            )
        return self._picture(maps[step, candidate], media, frame)

    def coverage(self, media: int = 0) -> NDArray[np.bool_]:
        """Which pixels of a picture the model's vision tokens cover, bool [H, W]."""
        item = self._media(media)
        masks = [
            coverage(grid.box, item.height, item.width)
            for grid in self.grids
            if grid.media == media
        ]
        return np.logical_or.reduce(masks) if masks else np.zeros((item.height, item.width), bool)

    def save(self, folder: str | Path, *, force: bool = False) -> Path:
        """Write report.html, explanation.safetensors + .json and one PNG per word.

        Parameters
        ----------
        folder
            Made where it does not exist.
        force
            Replace an earlier explanation in that folder.

        Returns
        -------
        The path of the report.

        Raises
        ------
        OutputError
            If the folder holds files already and ``force`` is off, or cannot be written.
        """
        return cast(Path, resolve(DOORS["write_explanation"])(self, Path(folder), force=force))

    def export(
        self, path: str | Path, words: Sequence[Choice] | None = None, **options: Any
    ) -> Path:
        """Write one file: a contact sheet (.png), a movie (.mp4, .gif), a figure or a table.

        See :func:`tam.render.export.export`.
        """
        return cast(Path, resolve(DOORS["export"])(self, path, words, **options))

    def plot(self, words: Sequence[Choice] | None = None, **options: Any) -> "Figure":
        """Draw chosen words as a matplotlib figure, see :func:`tam.render.plot.plot`."""
        return cast("Figure", resolve(DOORS["plot"])(self, words, **options))

    def __repr__(self) -> str:
        return f"<Explanation of {len(self.words)} words: {reprlib.repr(self.text)}>"

    def _repr_html_(self) -> str:
        """The report in a frame, for notebooks."""
        return cast(str, resolve(DOORS["notebook_html"])(self))

    def _media(self, index: int, frame: int | None = None) -> Media:
        if not 0 <= index < len(self.media):
            raise InputError(
                f"there is no picture {index}",
                where="map",
                remedy=f"pictures are numbered 0 to {len(self.media) - 1}",
            )
        item = self.media[index]
        if frame is not None and not 0 <= frame < len(item.frames):
            raise InputError(
                f"{item.name} has no frame {frame}",
                where="map",
                remedy=f"frames are numbered 0 to {len(item.frames) - 1}",
            )
        return item

    def _picture(self, row: NDArray[np.float32], media: int, frame: int) -> NDArray[np.float32]:
        item = self._media(media, frame)
        total = np.zeros((item.height, item.width), np.float32)
        views = np.zeros((item.height, item.width), np.float32)
        for grid, cells in self.by_grid(row):
            inside = (grid.spans[:, 0] <= frame) & (frame < grid.spans[:, 1])
            if grid.media != media or not inside.any():
                continue
            step = int(np.argmax(inside))
            seen = coverage(grid.box, item.height, item.width)
            picture = upsample(cells[step], grid.box, item.height, item.width)
            total[seen] += picture[seen]
            views += seen
        return (total / np.maximum(views, 1)).astype(np.float32)


def _overlaps(box: Box, item: Media) -> bool:
    """Whether a region is one, and some of it lies on a picture."""
    try:
        x0, y0, x1, y1 = map(float, box)
    except (TypeError, ValueError):
        return False
    return x0 < x1 and y0 < y1 and x0 < item.width and y0 < item.height and x1 > 0 and y1 > 0
