"""One word of an explanation, or several as a phrase."""

import reprlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from tam.errors import InputError
from tam.explanation.merge import merged
from tam.resolver import DOORS, resolve

if TYPE_CHECKING:
    from tam.explanation.explanation import Explanation


@dataclass(frozen=True, eq=False, repr=False)
class Word:
    """One word of an explanation: a group of its tokens.

    Parameters
    ----------
    explanation
        What it is a word of.
    targets
        Indices of its tokens among the explanation's tokens.
    merge
        How the maps of its tokens become one, see :mod:`tam.explanation.merge`.
    """

    explanation: "Explanation"
    targets: tuple[int, ...]
    merge: str = "maximum"

    @property
    def text(self) -> str:
        """The word, without the white space around it."""
        return "".join(self.explanation.tokens[t].text for t in self.targets).strip()

    @property
    def turn(self) -> int:
        """Index of its turn."""
        return self.explanation.tokens[self.targets[0]].turn

    @property
    def probability(self) -> float | None:
        """Product of its tokens' probabilities; None for a word of the prompt."""
        first = self.targets[0] - self.explanation.prompt_targets
        if first < 0:
            return None
        predictions = self.explanation.predictions[first : first + len(self.targets)]
        return float(np.prod([p.probability for p in predictions]))

    def cells(self) -> NDArray[np.float32]:
        """float32 [N]: the word's map on the vision cells, its tokens' maps merged.

        Raises
        ------
        InputError
            If no cell of it is known: a stream's method needs the whole reply.
        """
        unknown = self.explanation.unknown
        if unknown is not None and unknown.size and unknown[list(self.targets)].all():
            raise InputError(
                "this word has no map yet",
                where=repr(self.text),
                remedy="wait for the end of the stream and take its explanation",
            )
        first = self.explanation.prompt_targets
        steps = self.explanation.predictions
        weights = [steps[t - first].probability if t >= first else 1.0 for t in self.targets]
        maps = self.explanation.maps[list(self.targets)]
        return merged(maps, np.array(weights, np.float32), self.merge)

    def map(self, media: int = 0, frame: int = 0) -> NDArray[np.float32]:
        """float32 [H, W] in [0, 1]: the word's map at the size of the picture.

        The tokens' maps, merged on the vision cells and brought to the picture's pixels.
        See :meth:`Explanation.token_map` for one token's own.
        """
        return self.explanation._picture(self.cells(), media, frame)

    def over_time(self, media: int = 0) -> NDArray[np.float32]:
        """float32 [T]: the highest evidence in each frame of a clip, in [0, 1]."""
        curve = np.zeros(len(self.explanation._media(media).frames), np.float32)
        for grid, cells in self.explanation.by_grid(self.cells()):
            if grid.media == media:
                for (start, stop), value in zip(grid.spans, cells.max(axis=(1, 2)), strict=True):
                    curve[start:stop] = np.maximum(curve[start:stop], value)
        return curve

    def relevance(self, earlier: "Word") -> float:
        """How much an earlier word explains this one, in [0, 1]: the maximum over their tokens."""
        block = self.explanation.relevance[np.ix_(self.targets, earlier.targets)]
        return float(block.max())

    def __repr__(self) -> str:
        return f"<Word {reprlib.repr(self.text)}>"

    def _repr_png_(self) -> bytes | None:
        """The map over the pictures, for notebooks."""
        return cast("bytes | None", resolve(DOORS["notebook_png"])(self))


Choice = int | str | Word
"""A word by its index in the reply, by its text (or a phrase's), or itself."""
