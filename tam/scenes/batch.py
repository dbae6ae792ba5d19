"""Conversion of examples to the arrays of a training step, using only NumPy.

The layout of pictures equals the processor's, which a test checks; the processor itself would take
longer than the step. Every row shows one or two pictures or one clip and has several turns. The
turns either form a conversation or are independent: then each turn sees the pictures but not the
other turns, and all turns start at the same position.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tam.scenes.examples import Example, make_example
from tam.scenes.tokens import PATCH_SIZE, TEMPORAL_PATCH_SIZE
from tam.scenes.world import COLORS, SHAPES, split_seed

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
"""The image processor's normalisation."""

IGNORED = -100
"""Label of the positions without a caption or answer loss."""

WORDS: tuple[str, ...] = (*COLORS, *SHAPES)
"""The words of the readability loss."""

UNMASKED: tuple[str, ...] = ("orange", "blue", "square", "star")
"""Words that mask supervision leaves out, to measure how far it generalizes."""

BACKGROUND_WORD = "background"

DECISIVE_WORDS: tuple[str, ...] = (
    "Yes",
    "No",
    *(f" {word}" for word in ("left", "right", "above", "below", "up", "down", "still")),
    *(f" {word}" for word in ("first", "second")),
)
"""The words that decide an answer that otherwise repeats its question."""


@dataclass(frozen=True)
class Batch:
    """Arrays of one step: B rows of L positions, G grids of N cells each, W readability tokens.

    ``pixels`` float32 [B*G*N, P]; ``grid`` (h, w), N = h*w; ``ids``, ``labels`` and ``segments``
    int64 [B, L]; ``positions`` int64 [3, B, L]; ``vision`` int64 [G*N] are the vision positions,
    the same in every row; ``true_words`` bool [B, G, W] and ``true_pairs`` bool [B, G, colors,
    shapes].

    Only a batch made with masks also has ``cell_words`` bool [B, G*N, W], the words of the object
    that a cell shows, and ``cell_tokens`` int64 [B, G*N], the grids written as text: the first
    token of the word for each cell's object, at random its color or its shape, or of the word for
    the background. Both are None in other batches.
    """

    pixels: NDArray[np.float32]
    grid: tuple[int, int]
    ids: NDArray[np.int64]
    labels: NDArray[np.int64]
    segments: NDArray[np.int64]
    positions: NDArray[np.int64]
    vision: NDArray[np.int64]
    true_words: NDArray[np.bool_]
    true_pairs: NDArray[np.bool_]
    cell_words: NDArray[np.bool_] | None
    cell_tokens: NDArray[np.int64] | None


class Encoder:
    """Token ids of texts and of the scenes' words for one tokenizer."""

    def __init__(self, tokenizer: "PreTrainedTokenizerFast") -> None:
        self._tokenizer = tokenizer
        self.pad = tokenizer.get_vocab()["<|endoftext|>"]
        self.image = tokenizer.get_vocab()["<|image_pad|>"]
        self.video = tokenizer.get_vocab()["<|video_pad|>"]
        self.ids = lru_cache(maxsize=65536)(self._ids)
        pieces = {word: self.ids(f" {word}") for word in WORDS}
        self.word_tokens = [token for word in WORDS for token in pieces[word]]
        """Ids of the readability tokens: each word's pieces, in the order of ``WORDS``."""
        self.token_words = [word for word in WORDS for _ in pieces[word]]
        self.word_kinds = [
            2 * piece + (word in SHAPES) for word in WORDS for piece in range(len(pieces[word]))
        ]
        """Kind of each readability token: color or shape, first piece or a later one."""
        self.background = self.ids(f" {BACKGROUND_WORD}")[0]
        self.decisive = [self.ids(word)[0] for word in DECISIVE_WORDS]

    def _ids(self, text: str) -> tuple[int, ...]:
        return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def words_true_of(self, pairs: Iterable[tuple[str, str]]) -> NDArray[np.bool_]:
        """Return which readability tokens belong to a word of one of the pairs, bool [W]."""
        words = {word for pair in pairs for word in pair}
        return np.array([word in words for word in self.token_words])


def patches(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the vision tower's input, equal to that of the processor.

    Parameters
    ----------
    frames : uint8 [G, T, H, W, 3]
        G grids of T frames each, which are equal for a still; height and width are multiples of
        the patch size.

    Returns
    -------
    float32 [G * N, 3 * T * p * p]
        Patches in row-major order.
    """
    count, depth, height, width, _ = frames.shape
    p = PATCH_SIZE
    values = (frames.astype(np.float32) / 255 - MEAN) / STD
    cut = values.reshape(count, depth, height // p, p, width // p, p, 3)
    order = cut.transpose(0, 2, 4, 6, 1, 3, 5)
    return np.ascontiguousarray(order.reshape(count * (height // p) * (width // p), -1))


def stills(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Repeat pictures [G, H, W, 3] to grids of equal frames [G, T, H, W, 3]."""
    return np.repeat(images[:, None], TEMPORAL_PATCH_SIZE, axis=1)


def make_batch(
    encoder: Encoder,
    *,
    split: str,
    first: int,
    count: int,
    grid: tuple[int, int],
    objects: tuple[int, int],
    turns: int,
    masks: bool,
    kind: str = "picture",
) -> Batch:
    """Make a batch of ``count`` examples of a split, beginning at index ``first``; see `Batch`.

    An example with two pictures takes two indices.
    """
    stride = 2 if kind == "pictures" else 1
    examples = [
        make_example(kind, split_seed(split, first + stride * row), grid, objects, turns)
        for row in range(count)
    ]
    blocks = _blocks(encoder, kind, len(examples[0].frames), grid)
    rows = [_row(encoder, blocks, grid, example) for example in examples]
    length = max(len(row[0]) for row in rows)
    ids = np.full((count, length), encoder.pad, np.int64)
    labels = np.full((count, length), IGNORED, np.int64)
    segments = np.full((count, length), -1, np.int64)
    positions = np.zeros((3, count, length), np.int64)
    for index, row in enumerate(rows):
        size = len(row[0])
        ids[index, :size], labels[index, :size], segments[index, :size] = row[0], row[1], row[2]
        positions[:, index, :size] = row[3]
    cell_words = (
        np.stack([_cell_words(encoder, item, grid) for item in examples]) if masks else None
    )
    return Batch(
        pixels=patches(np.concatenate([example.frames for example in examples])),
        grid=grid,
        ids=ids,
        labels=labels,
        segments=segments,
        positions=positions,
        vision=np.flatnonzero((ids[0] == encoder.image) | (ids[0] == encoder.video)),
        true_words=np.stack(
            [[encoder.words_true_of(pairs) for pairs in item.shown] for item in examples]
        ),
        true_pairs=np.stack([[_true_pairs(pairs) for pairs in item.shown] for item in examples]),
        cell_words=cell_words,
        cell_tokens=None if cell_words is None else _cell_tokens(encoder, cell_words, first),
    )


Block = tuple[tuple[int, ...], int]
"""Ids of a text, and the number of grids of vision tokens that follow it."""


def _blocks(encoder: Encoder, kind: str, grids: int, grid: tuple[int, int]) -> list[Block]:
    """Return the blocks before the turns: each picture, or the whole clip, between its marks."""
    opening = encoder.ids("<|im_start|>user\n<|vision_start|>")
    closing = encoder.ids("<|vision_end|>")
    if kind == "clip":
        return [(opening, grids), (closing, 0)]
    between = encoder.ids("<|vision_end|><|vision_start|>")
    return [(opening, 1), *[(between, 1)] * (grids - 1), (closing, 0)]


def _row(
    encoder: Encoder, blocks: list[Block], grid: tuple[int, int], example: Example
) -> tuple[list[int], list[int], list[int], NDArray[np.int64]]:
    """Return ids, labels and segments [L] and positions [3, L] of one example."""
    clip = any(grids > 1 for _, grids in blocks)
    ids: list[int] = []
    positions: list[NDArray[np.int64]] = []
    following = 0
    for text, grids in blocks:
        ids += [*text, *[encoder.video if clip else encoder.image] * (grids * grid[0] * grid[1])]
        positions.append(_text_positions(following, len(text)))
        following += len(text)
        if grids:
            place = np.indices((grids, *grid), np.int64).reshape(3, -1)
            positions.append(place + following)
            following += max(grid)
    labels = [IGNORED] * len(ids)
    segments = [0] * len(ids)
    for number, (question, answer) in enumerate(example.turns):
        later = example.conversation and number > 0
        question_ids = [
            *(encoder.ids("\n<|im_start|>user\n") if later else ()),
            *encoder.ids(f"{question}<|im_end|>\n<|im_start|>assistant\n"),
        ]
        answer_ids = encoder.ids(f"{answer}<|im_end|>")
        piece = [*question_ids, *answer_ids]
        ids += piece
        labels += [*[IGNORED] * len(question_ids), *answer_ids]
        segments += [0 if example.conversation else number + 1] * len(piece)
        positions.append(_text_positions(following, len(piece)))
        if example.conversation:
            following += len(piece)
    return ids, labels, segments, np.concatenate(positions, axis=1)


def _text_positions(start: int, length: int) -> NDArray[np.int64]:
    return np.tile(np.arange(start, start + length, dtype=np.int64), (3, 1))


def _true_pairs(pairs: Iterable[tuple[str, str]]) -> NDArray[np.bool_]:
    """Return which combinations are shown, bool [colors, shapes]."""
    shown = set(pairs)
    return np.array([[(color, shape) in shown for shape in SHAPES] for color in COLORS])


def _cell_words(encoder: Encoder, example: Example, grid: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which readability tokens name the object that covers most of a cell, bool [G*N, W]."""
    p = PATCH_SIZE
    words = np.zeros((len(example.owners), grid[0] * grid[1], len(encoder.word_tokens)), bool)
    for at, pairs in enumerate(example.shown):
        for index, pair in enumerate(pairs):
            mask = example.owners[at] == index
            share = mask.reshape(grid[0], p, grid[1], p).mean(axis=(1, 3)).ravel()
            words[at][share >= 0.5] = encoder.words_true_of([pair])
    return words.reshape(-1, words.shape[-1])


def _cell_tokens(encoder: Encoder, cell_words: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
    """Draw one token for each cell; see `Batch`."""
    kinds = np.random.default_rng([seed, 4]).integers(2, size=cell_words.shape[:2])
    drawn = cell_words & (np.array(encoder.word_kinds) == kinds[..., None])
    tokens = np.array(encoder.word_tokens)[drawn.argmax(-1)]
    return np.where(drawn.any(-1), tokens, encoder.background)
