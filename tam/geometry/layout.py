"""Layouts: the position of each token of a run, and the part of a picture or text it covers."""

import reprlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tam.errors import NumericsError

__all__ = ["Box", "Seams", "TextLayout", "TextToken", "VisionGrid", "VisionLayout"]

Box = tuple[float, float, float, float]
"""``(x0, y0, x1, y1)`` in original-image pixels: x to the right, y down, origin at the top left."""

Seams = tuple[tuple[float, ...], tuple[float, ...]]
"""The x and y coordinates of the borders between tiles, in original-image pixels."""


@dataclass(frozen=True, eq=False, repr=False)
class VisionGrid:
    """A regular grid of vision tokens over one view of one picture or clip.

    The cells divide ``box`` evenly. Processors resize, crop or pad by an affine map and cut the
    result into equal patches, so the cells of one view have equal sizes in the original as well.

    Parameters
    ----------
    media
        Index of the picture or clip in the conversation.
    turn
        Index of the turn that shows it.
    view
        ``"whole"``, ``"tiles"`` or ``"thumbnail"``: the kind of view.
    shape
        ``(t, h, w)``: temporal cells, rows, columns.
    box
        The region that the h × w cells divide. It extends beyond the picture where the model saw
        padding, and excludes a part of the picture where the model saw a crop.
    positions
        int64 [t * h * w]: each cell's position in the sequence, in row-major order of (t, h, w).
    spans
        int64 [t, 2]: the frames ``first <= frame < last`` that each temporal cell covers.
    seams
        The borders between the tiles of the view, if the vision tower saw them separately.

    Examples
    --------
    >>> box, span = (0, 0, 60, 40), np.array([[0, 1]])
    >>> grid = VisionGrid(0, 0, "whole", (1, 2, 3), box, np.arange(4, 10), span)
    >>> grid.boxes[4].tolist()  # second row, second column
    [20.0, 20.0, 40.0, 40.0]
    """

    media: int
    turn: int
    view: str
    shape: tuple[int, int, int]
    box: Box
    positions: NDArray[np.int64]
    spans: NDArray[np.int64]
    seams: Seams = ((), ())

    def __post_init__(self) -> None:
        t, h, w = self.shape
        if min(t, h, w) < 1 or self.positions.shape != (t * h * w,) or self.spans.shape != (t, 2):
            raise NumericsError(
                f"a {t}×{h}×{w} grid with {self.positions.size} positions "
                f"and {len(self.spans)} frame spans",
                where=f"media {self.media}",
                remedy="give one position for each cell and one span for each temporal cell",
            )
        # An adapter may pass NumPy integers, which cannot be written as JSON.
        object.__setattr__(self, "shape", (int(t), int(h), int(w)))

    @property
    def cells(self) -> int:
        """The number of vision tokens, t * h * w."""
        return int(self.positions.size)

    def step_at(self, frame: int) -> int | None:
        """Return the index of the temporal cell that covers a frame, or None."""
        inside = (self.spans[:, 0] <= frame) & (frame < self.spans[:, 1])
        return int(np.argmax(inside)) if inside.any() else None

    @cached_property
    def boxes(self) -> NDArray[np.float64]:
        """The box of each cell in original-image pixels, float64 [h * w, 4], row-major."""
        _, h, w = self.shape
        x = np.linspace(self.box[0], self.box[2], w + 1)
        y = np.linspace(self.box[1], self.box[3], h + 1)
        top, left = np.meshgrid(y[:-1], x[:-1], indexing="ij")
        bottom, right = np.meshgrid(y[1:], x[1:], indexing="ij")
        return np.stack([left, top, right, bottom], axis=-1).reshape(-1, 4)

    def __repr__(self) -> str:
        shape = " × ".join(map(str, self.shape))
        box = ", ".join(f"{edge:.6g}" for edge in self.box)
        return f"<VisionGrid {shape}: {self.view} of media {self.media}, box ({box})>"


@dataclass(frozen=True, eq=False, repr=False)
class VisionLayout:
    """All vision tokens of a run, each of them either one cell of one grid or a separator.

    Parameters
    ----------
    grids
        The grids in the order of the maps' columns.
    separators
        int64 [S]: vision positions that show no part of a picture (newline, class and tile
        markers).
    cross_attention
        Whether the language model reads the pictures only through cross-attention. Positions are
        then indices of its keys, and no vision token is in the sequence.

    Raises
    ------
    NumericsError
        If a position belongs to two cells, or to a cell and the separators.
    """

    grids: tuple[VisionGrid, ...]
    separators: NDArray[np.int64]
    cross_attention: bool = False

    def __post_init__(self) -> None:
        every = np.concatenate([self.positions, self.separators])
        if np.unique(every).size != every.size:
            raise NumericsError(
                "a vision token belongs to two cells",
                where="vision layout",
                remedy="make the adapter assign each vision position to one cell or separator",
            )

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """The sequence positions of all cells, int64 [N], grid after grid."""
        parts = [grid.positions for grid in self.grids]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)

    @property
    def in_sequence(self) -> NDArray[np.int64]:
        """The positions of the cells that are in the sequence, int64; none with cross-attention."""
        return self.positions[:0] if self.cross_attention else self.positions

    @property
    def filter_grids(self) -> tuple[tuple[int, int], ...]:
        """The shapes ``(h, w)`` of all temporal cells in order, as the engine takes its grids."""
        return tuple((g.shape[1], g.shape[2]) for g in self.grids for _ in range(g.shape[0]))

    def __repr__(self) -> str:
        return f"<VisionLayout: {len(self.separators)} separators, grids {list(self.grids)}>"


@dataclass(frozen=True)
class TextToken:
    """One text token that is a target: a word of the conversation, or a part of one.

    Parameters
    ----------
    id
        Token id.
    position
        Its position in the sequence.
    context_position
        The position whose state represents it in the method: its own position for a token that a
        user wrote, the one before (which predicted it) for a token that the model wrote.
    turn
        Index of its turn in the conversation.
    role
        ``"system"``, ``"user"`` or ``"assistant"``.
    text
        Its piece of text. A character that spans several tokens belongs to the last of them; the
        pieces of the others are empty.
    word
        Index of its word within the layout, or -1 if it is only white space.
    """

    id: int
    position: int
    context_position: int
    turn: int
    role: str
    text: str
    word: int


@dataclass(frozen=True)
class DroppedText:
    """A part of the conversation that the chat template drops, so the model does not read it.

    Parameters
    ----------
    turn, role
        The turn that it belongs to.
    text
        The dropped characters.
    before_token
        The number of text tokens of the prompt that precede it.
    """

    turn: int
    role: str
    text: str
    before_token: int


@dataclass(frozen=True, repr=False)
class TextLayout:
    """The text tokens of a run in order: first those of the prompt, then those of the reply.

    Special tokens and the chat template's own text are not included.
    """

    tokens: tuple[TextToken, ...]
    prompt_targets: int

    @property
    def context_positions(self) -> NDArray[np.int64]:
        """The context position of each target, int64 [K]."""
        return np.array([token.context_position for token in self.tokens], dtype=np.int64)

    @property
    def ids(self) -> NDArray[np.int64]:
        """The token id of each target, int64 [K]."""
        return np.array([token.id for token in self.tokens], dtype=np.int64)

    @property
    def reply(self) -> str:
        """The text of the reply."""
        return "".join(token.text for token in self.tokens[self.prompt_targets :])

    def covering(self, start: int, stop: int) -> tuple[int, ...]:
        """Return the targets with any of the characters ``start <= c < stop`` of the reply."""
        found, end = [], 0
        for target, token in enumerate(self.tokens[self.prompt_targets :], self.prompt_targets):
            first, end = end, end + len(token.text)
            if first < stop and end > start:
                found.append(target)
        return tuple(found)

    @property
    def reply_words(self) -> dict[int, tuple[str, list[int]]]:
        """The text and the targets of each word of the reply, by the word's number."""
        words: dict[int, tuple[str, list[int]]] = {}
        for target, token in enumerate(self.tokens[self.prompt_targets :], self.prompt_targets):
            if token.word >= 0:
                text, targets = words.get(token.word, ("", []))
                words[token.word] = text + token.text, [*targets, target]
        return {word: (text.strip(), targets) for word, (text, targets) in words.items()}

    def __repr__(self) -> str:
        text = reprlib.repr("".join(token.text for token in self.tokens))
        return f"<TextLayout of {len(self.tokens)} tokens, {self.prompt_targets} in prompt: {text}>"
