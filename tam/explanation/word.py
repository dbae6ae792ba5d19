"""Words of an explanation, and phrases of several words."""

import reprlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import SupportsIndex, cast, overload

import numpy as np
from numpy.typing import NDArray

from tam.errors import InputError
from tam.explanation import strength
from tam.explanation.check import Check
from tam.explanation.data import Candidate, ExplanationData
from tam.explanation.map_cache import MapCache
from tam.explanation.merge import merged
from tam.explanation.strength import Peak
from tam.geometry.layout import TextToken
from tam.resolver import DOORS, resolve
from tam.text.function_words import is_content

__all__ = ["Loss", "Word", "Words"]

_MAPS = MapCache()


@dataclass(frozen=True, eq=False, repr=False)
class Word:
    """One word of an explanation, or a phrase: a group of tokens.

    :mod:`tam.explanation.strength` defines its strength and its location. Unknown values are None.

    Parameters
    ----------
    explanation
        The explanation that it belongs to.
    targets
        Indices of its tokens among the explanation's tokens, ascending.
    merge
        The rule that merges the maps of its tokens; see :mod:`tam.explanation.merge`.
    """

    explanation: ExplanationData
    targets: tuple[int, ...]
    merge: str = "maximum"

    @property
    def text(self) -> str:
        """The word, without the white space around it."""
        return self._raw_text.strip()

    @property
    def span(self) -> tuple[int, int] | None:
        """Start and end of the word in the reply's text; None for a word of the prompt.

        >>> result.text[word.span[0] : word.span[1]]  # doctest: +SKIP
        'ring'
        """
        first = self.explanation.prompt_targets
        if self.targets[0] < first:
            return None
        start = self.explanation.text_starts[self.targets[0] - first]
        tokens = self.explanation.tokens[self.targets[0] : self.targets[-1] + 1]
        text = "".join(token.text for token in tokens)
        return start + len(text) - len(text.lstrip()), start + len(text.rstrip())

    @property
    def index(self) -> int | None:
        """Index of the word in ``result.words``, or in ``prompt_words``; None for a phrase."""
        return self.explanation.word_numbers.get(self.targets)

    @property
    def turn(self) -> int:
        """Index of its turn in the conversation."""
        return self.tokens[0].turn

    @property
    def tokens(self) -> tuple[TextToken, ...]:
        """Its tokens, each with its ``id`` and its piece of ``text``."""
        return tuple(self.explanation.tokens[target] for target in self.targets)

    @property
    def probability(self) -> float | None:
        """Product of its tokens' probabilities; None for a word of the prompt."""
        first = self.targets[0] - self.explanation.prompt_targets
        if first < 0:
            return None
        predictions = [self.explanation.predictions[step] for step in self._steps]
        return float(np.prod([prediction.probability for prediction in predictions]))

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The candidates for its first token, most probable first; empty for a prompt word."""
        if self.targets[0] < self.explanation.prompt_targets:
            return ()
        return self.explanation.predictions[self._steps[0]].candidates

    @property
    def grounding(self) -> float | None:
        """How far the picture supports the word, in [0, 1].

        For a phrase, this is the lowest score of its words. It is None for words of the prompt and
        for words without content. See :mod:`tam.recording.grounding`.
        """
        scores = self.explanation.token_grounding
        if scores is None or self.targets[0] < self.explanation.prompt_targets:
            return None
        words: dict[int, float] = {}
        for token, step in zip(self.tokens, self._steps, strict=True):
            if not np.isnan(scores[step]):
                words[token.word] = max(words.get(token.word, 0.0), float(scores[step]))
        return min(words.values(), default=None)

    @property
    def check(self) -> Check | None:
        """The effect of hiding the region that its map marks; None if it was not measured.

        See :func:`tam.check.words.check`.
        """
        checks = self.explanation.checks
        return next((check for check in checks if check.targets == self.targets), None)

    def cells(self) -> NDArray[np.float32]:
        """Return the word's map on the vision cells, float32 [N], merged from its tokens' maps.

        A geometric mean is that of the content words, if there are any: "a" and "of" name nothing.
        """
        first = self.explanation.prompt_targets
        steps = self.explanation.predictions
        targets = self._naming_targets() if self.merge == "geometric" else self.targets
        weights = [steps[t - first].probability if t >= first else 1.0 for t in targets]
        maps = self.explanation.maps[list(targets)]
        return merged(maps, np.array(weights, np.float32), self.merge)

    def map(self, media: int = 0, frame: int = 0) -> NDArray[np.float32]:
        """Return the word's map at the size of the picture, float32 [H, W] in [0, 1].

        The tokens' maps are merged on the vision cells and upsampled to the picture's pixels. The
        map is zero where the model saw nothing, and NaN where it is unknown. The array is
        read-only, because up to 256 MB of maps are cached; copy it to change it. For the map of a
        single token, see :meth:`Explanation.token_map`.
        """
        return _MAPS.get(
            self.explanation,
            (self.targets, self.merge, media, frame),
            lambda: self.explanation.picture_map(self.cells(), media, frame),
        )

    @property
    def visual(self) -> float | None:
        """Maximum of its map over all pictures, clips and frames, in [0, 1]."""
        return strength.visual(self.explanation, self.cells())

    @property
    def textual(self) -> float | None:
        """Highest relevance of an earlier word, in [0, 1]."""
        return strength.textual(self.explanation, self.targets)

    @property
    def share(self) -> float | None:
        """The picture's share, visual / (visual + textual), in [0, 1].

        It is None if one is unknown, both are 0, or they come from two methods.
        """
        one = self.explanation.on_one_scale
        return strength.share(self.visual, self.textual) if one else None

    @property
    def focus(self) -> float | None:
        """The smallest share of the pictures' area that holds 85 % of its map, in (0, 1]."""
        return strength.focus(self.explanation, self.cells())

    def peak(self, media: int | None = None) -> Peak | None:
        """Return where its map is highest, in all pictures or one; None if the map is zero."""
        return strength.peak(self.explanation, self.cells(), media)

    def mask(
        self, media: int = 0, frame: int = 0, threshold: float | str = "otsu"
    ) -> NDArray[np.bool_] | None:
        """Return the pixels above Otsu's threshold, or of at least a height, bool [H, W]."""
        return strength.mask(self.explanation, self.cells(), media, frame, threshold)

    def box(
        self, media: int = 0, frame: int = 0, threshold: float | str = "otsu"
    ) -> tuple[int, int, int, int] | None:
        """Return the bounding box of :meth:`mask` in pixels, x0, y0, x1, y1; None if empty."""
        return strength.box(self.explanation, self.cells(), media, frame, threshold)

    def over_time(self, media: int = 0) -> NDArray[np.float32]:
        """Return the maximum of its map in each frame of a clip, float32 [T] in [0, 1]."""
        return strength.over_time(self.explanation, self.cells(), media)

    def relevance(self, earlier: "Word") -> float | None:
        """Return how much an earlier word explains this one, in [0, 1]: the maximum over tokens."""
        if self.explanation.relevance is None:
            return None
        highest = float(self.explanation.relevance[np.ix_(self.targets, earlier.targets)].max())
        return None if np.isnan(highest) else highest

    def earlier(self) -> "tuple[tuple[Word, float], ...] | None":
        """Return the words before it with their relevance, most relevant first; None if unknown."""
        words = strength.earlier(self.explanation, self.targets)
        if words is None:
            return None
        ranked = sorted(words, key=lambda pair: -pair[1])
        return tuple((Word(self.explanation, targets), value) for targets, value in ranked)

    def _naming_targets(self) -> tuple[int, ...]:
        """Return the targets of the content words, or all if there are none."""
        words: dict[int, list[int]] = {}
        for target, token in zip(self.targets, self.tokens, strict=True):
            words.setdefault(token.word, []).append(target)
        pieces = self.explanation.tokens
        naming = [
            target
            for targets in words.values()
            if is_content("".join(pieces[target].text for target in targets).strip())
            for target in targets
        ]
        return tuple(naming) or self.targets

    @property
    def _raw_text(self) -> str:
        return "".join(token.text for token in self.tokens)

    @property
    def _steps(self) -> list[int]:
        """Indices of its tokens among the reply's tokens."""
        return [target - self.explanation.prompt_targets for target in self.targets]

    def __repr__(self) -> str:
        return f"<Word {reprlib.repr(self.text)}>"

    def _repr_png_(self) -> bytes | None:
        """Return the map over the pictures as a PNG, for notebooks."""
        return cast("bytes | None", resolve(DOORS["notebook_png"])(self))


@dataclass(frozen=True, eq=False)
class Loss:
    """A word's log-probability with the whole picture and without a region of it.

    Parameters
    ----------
    word
        A word of the reply.
    before, without
        Its log-probability with the whole picture and without the region, in nats.
    """

    word: Word
    before: float
    without: float


class Words(tuple[Word, ...]):
    """A tuple of words in reading order, indexed by number, slice, or text (the first match)."""

    __slots__ = ()

    @overload
    def __getitem__(self, key: SupportsIndex | str) -> Word: ...
    @overload
    def __getitem__(self, key: slice) -> "Words": ...
    def __getitem__(self, key: SupportsIndex | slice | str) -> "Word | Words":
        """Return a word by its index or text, or several words by a slice.

        Raises
        ------
        InputError
            If no word has that text.
        IndexError
            If the index is out of range.
        """
        if isinstance(key, slice):
            return Words(tuple.__getitem__(self, key))
        if not isinstance(key, str):
            return tuple.__getitem__(self, key)
        word = next(self.saying(key), None)
        if word is None:
            raise InputError(
                f"no word is {key!r}",
                where="words",
                remedy="copy it from the reply; use result.phrase for several words",
            )
        return word

    def saying(self, text: str) -> Iterator[Word]:
        """Iterate over the words with a text."""
        return (word for word in self if word.text == text)


Choice = int | str | Word
"""A word: its index in the reply, its text (or the text of a phrase), or the word itself."""
