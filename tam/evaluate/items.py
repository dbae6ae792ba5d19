"""Evaluation items: conversations about pictures, with masks of the objects in them."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tam.media.media import Media
from tam.prompt.conversation import Conversation

Mask = NDArray[np.bool_]

Spans = tuple[tuple[int, int], ...]
"""Characters ``first <= c < last`` of a text."""


@dataclass(frozen=True)
class Claim:
    """A word or phrase of a reply that is known to be true or false.

    Parameters
    ----------
    start, stop
        Its characters: ``start <= c < stop``.
    true
        Whether it is true.
    """

    start: int
    stop: int
    true: bool


@dataclass(frozen=True, eq=False)
class Removal:
    """An object of an item, and the item's pictures rendered again without it.

    Parameters
    ----------
    mask
        bool [H, W]: its visible pixels; as in :class:`Item`, all frames are stacked vertically.
    media
        The pictures and clips without it, otherwise unchanged.
    """

    mask: Mask
    media: tuple[Media, ...]


@dataclass(frozen=True, eq=False)
class Item:
    """One conversation of a data set.

    Parameters
    ----------
    name
        Unique within the data set.
    split
        The named part of the data set that it belongs to.
    conversation
        The conversation; the model answers its last turn.
    categories
        Class ids, above zero, by category name.
    masks
        bool [H, W] by class id. The frames of all pictures and clips are stacked vertically, so
        several frames must have the same width.
    references
        True texts that the reply is compared with; may be empty.
    answer
        The reply to read under teacher forcing, or None if the model writes one.
    false_spans
        Characters ``first <= c < last`` of the answer that are known to be false.
    removals
        A function that renders the item without each of its objects in turn; it returns nothing if
        the pictures are not rendered.
    kinds
        Groups of words that can replace one another, such as the color words.
    substitutes
        The number of words of its kind that replace a word, one at a time, to measure its effect.
    generation
        Generation options of the model's own reply, such as a seed; greedy by default.
    judged
        A function that finds the claims of a reply that the model wrote itself.
    claims
        What it found, see :meth:`with_reply`; those that are not true are the false spans.
    yes
        Whether the right answer to the item's question is yes; None for any other question.
    """

    name: str
    split: str
    conversation: Conversation
    categories: Mapping[str, int]
    masks: Mapping[int, Mask]
    references: tuple[str, ...] = ()
    answer: str | None = None
    false_spans: Spans = ()
    removals: Callable[[], Sequence[Removal]] = tuple
    kinds: tuple[tuple[str, ...], ...] = ()
    substitutes: int = 2
    generation: Mapping[str, Any] = field(default_factory=dict)
    judged: Callable[[str], Sequence[Claim]] | None = None
    claims: tuple[Claim, ...] = ()
    yes: bool | None = None

    def with_reply(self, text: str) -> "Item":
        """Return the item with the claims and the false spans of the reply that the model wrote.

        An item whose reply is given, or whose replies are not judged, is returned as it is.
        """
        if self.judged is None or self.answer is not None:
            return self
        claims = tuple(self.judged(text))
        false = tuple((claim.start, claim.stop) for claim in claims if not claim.true)
        return replace(self, claims=claims, false_spans=false)

    @cached_property
    def digest(self) -> str:
        """A digest of the pixels, texts, answer and masks: 64 hexadecimal digits.

        Items of the same name whose digests differ must not share a folder of results.
        """
        digest = hashlib.sha256()
        texts = [*self.conversation.messages(), self.answer, *map(list, self.categories.items())]
        digest.update(json.dumps(texts).encode())
        for pixels in (
            *(m.frames for m in self.media),
            *(self.masks[k] for k in sorted(self.masks)),
        ):
            digest.update(str(pixels.shape).encode())
            digest.update(np.ascontiguousarray(pixels).tobytes())
        return digest.hexdigest()

    @property
    def media(self) -> tuple[Media, ...]:
        """The conversation's pictures and clips."""
        return tuple(media for _, media in self.conversation.media)

    @cached_property
    def size(self) -> tuple[int, int]:
        """(H, W) of the masks, with all frames stacked vertically."""
        return sum(len(m.frames) * m.height for m in self.media), self.media[0].width
