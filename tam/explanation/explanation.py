"""The result: each word with its maps over the pictures and its relevance to other words.

An :class:`Explanation` contains NumPy arrays and text, without a model or device tensors. It can be
opened on a machine without torch.
"""

import re
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tam.errors import InputError
from tam.explanation import strength
from tam.explanation.data import Candidate, ExplanationData, Prediction, Stages
from tam.explanation.word import Choice, Word, Words
from tam.geometry.layout import Box
from tam.media.media import Media
from tam.resolver import DOORS, resolve

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

__all__ = ["Candidate", "Explanation", "Prediction", "Stages", "Word"]


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(ExplanationData):
    """One explained reply: its words with their maps, and methods to save and show them.

    ``len(result)`` is the number of the reply's words, and ``for word in result`` iterates over
    them. The fields are those of :class:`tam.explanation.data.ExplanationData`.
    """

    @cached_property
    def words(self) -> Words:
        """The reply's words, by index or text: ``words[3]``, ``words[-1]``, ``words["ring"]``."""
        return Words(Word(self, word) for word in self.word_targets if not self._in_prompt(word))

    @cached_property
    def prompt_words(self) -> Words:
        """The words before the reply."""
        return Words(Word(self, word) for word in self.word_targets if self._in_prompt(word))

    def _in_prompt(self, targets: tuple[int, ...]) -> bool:
        return targets[0] < self.prompt_targets

    @property
    def grounding(self) -> tuple[float | None, ...] | None:
        """How far the picture supports each of ``words``; None if it was not computed."""
        if self.token_grounding is None:
            return None
        return tuple(word.grounding for word in self.words)

    def __len__(self) -> int:
        return len(self.words)

    def __iter__(self) -> Iterator[Word]:
        return iter(self.words)

    def __bool__(self) -> bool:
        return True

    def find(self, text: str) -> tuple[Word, ...]:
        """Find all occurrences of a text in the reply, as words or phrases of whole words."""
        starts = {word.span[0]: word for word in self.words if word.span}
        ends = {word.span[1]: word for word in self.words if word.span}
        occurrences = []
        wanted = text.strip()
        for match in re.finditer(re.escape(wanted), self.text) if wanted else ():
            first, last = starts.get(match.start()), ends.get(match.end())
            if first is not None and first is last:
                occurrences.append(first)
            elif first is not None and last is not None:
                occurrences.append(self.phrase(range(first.targets[0], last.targets[-1] + 1)))
        return tuple(occurrences)

    def phrase(self, text: str | range, merge: str = "geometric") -> Word:
        """Merge several words of the reply into one: a phrase, a sentence, the whole reply.

        Parameters
        ----------
        text
            A text of the reply, of which the first occurrence is used, or a range of indices into
            ``tokens``.
        merge
            The rule that merges the maps of its tokens; see :mod:`tam.explanation.merge`.

        Raises
        ------
        InputError
            If the text is not in the reply, the range is empty or out of bounds, or the rule is
            unknown.
        """
        if isinstance(text, range):
            return Word(self, self._range(text), merge)
        first = self.text.find(text)
        if not text.strip() or first < 0:
            raise InputError(
                f"the reply does not contain {text!r}",
                where="phrase",
                remedy="copy it from the reply",
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
                f"the range {targets.start} to {targets.stop} is out of range "
                f"(0 to {len(self.tokens)})",
                where="phrase",
                remedy="give a non-empty range of indices into tokens",
            )
        return tuple(targets)

    def words_for(self, box: Box, media: int = 0, frame: int | None = None) -> tuple[Word, ...]:
        """Find the words of the reply with evidence in a region of a picture, strongest first.

        A word has evidence there if its map, at some pixel of the region, reaches most of its
        maximum over all pictures (:data:`tam.explanation.strength.REACHES`) and is not faint
        (:data:`tam.explanation.strength.FAINT`).

        Parameters
        ----------
        box
            (x0, y0, x1, y1) in pixels of the picture.
        media, frame
            Index of the picture or clip, and of its frame; None for any frame.

        Raises
        ------
        InputError
            If the picture or frame is out of range, or the region lies outside it.
        """
        item = self.item(media, frame)
        if not _overlaps(box, item):
            raise InputError(
                f"the region {box} lies outside the picture",
                where="words_for",
                remedy=f"give x0 < x1 and y0 < y1 within {item.width} × {item.height} pixels",
            )
        words = []
        for word in self.words:
            cells = word.cells()
            height = strength.height_in(self, cells, box, media, frame)
            if strength.lies_in(height, strength.visual(self, cells)):
                words.append((height, word))
        return tuple(word for _, word in sorted(words, key=lambda pair: -pair[0]))

    def save(
        self,
        folder: str | Path,
        *,
        force: bool = False,
        pictures: bool = False,
        embed: str = "full",
        others: "Mapping[str, Explanation] | None" = None,
    ) -> Path:
        """Write report.html, explanation.json and explanation.safetensors.

        Parameters
        ----------
        folder
            The folder, which is created if it does not exist.
        force
            Whether to replace an earlier explanation in that folder.
        pictures
            Whether to also write a PNG for each word.
        embed
            Size of the pictures in the report: ``"full"`` (up to 4,096 pixels on their long side)
            or ``"screen"`` (up to 1,600).
        others
            The same reply explained by other methods, by their names. The report can switch
            between them.

        Returns
        -------
        Path
            The path of the report.

        Raises
        ------
        InputError
            If ``embed`` is unknown.
        OutputError
            If the folder already contains files and ``force`` is off, or cannot be written.
        """
        write = resolve(DOORS["write_explanation"])
        return cast(
            Path,
            write(self, Path(folder), force=force, pictures=pictures, embed=embed, others=others),
        )

    def export(
        self, path: str | Path, words: Sequence[Choice] | None = None, **options: Any
    ) -> Path:
        """Write one file: a contact sheet (.png), a movie (.mp4, .gif), a figure or a table.

        See :func:`tam.render.export.export`.
        """
        return cast(Path, resolve(DOORS["export"])(self, path, words, **options))

    def plot(self, words: Sequence[Choice] | None = None, **options: Any) -> "Figure":
        """Draw the chosen words as a matplotlib figure; see :func:`tam.render.plot.plot`."""
        return cast("Figure", resolve(DOORS["plot"])(self, words, **options))

    def to_pandas(self) -> "DataFrame":
        """Return the words as a pandas DataFrame; see :func:`tam.render.table.words_frame`."""
        return cast("DataFrame", resolve(DOORS["words_frame"])(self))

    def __repr__(self) -> str:
        return f"<Explanation of {len(self.words)} words: {reprlib.repr(self.text)}>"

    def _repr_html_(self) -> str:
        """Return the report in an iframe, for notebooks."""
        return cast(str, resolve(DOORS["notebook_html"])(self))


def _overlaps(box: Box, item: Media) -> bool:
    """Whether a region is not empty and overlaps a picture."""
    try:
        x0, y0, x1, y1 = map(float, box)
    except (TypeError, ValueError):
        return False
    return x0 < x1 and y0 < y1 and x0 < item.width and y0 < item.height and x1 > 0 and y1 > 0
