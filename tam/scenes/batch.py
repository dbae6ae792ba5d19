"""Turns scenes into the arrays that one training step reads, with NumPy alone.

The picture layout is exactly the processor's (a test holds the two equal), made without it because
the processor would take longer than the step. Every row holds one picture and several
question-answer turns. Its turns either follow one another as a conversation, or stand side by
side: each then sees the picture but not the other turns, and starts at the same position.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tam.scenes.language import CAPTION_PROMPTS, caption, questions
from tam.scenes.tokens import PATCH_SIZE, TEMPORAL_PATCH_SIZE
from tam.scenes.world import COLORS, SHAPES, Scene, make_scene, split_seed

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
"""The image processor's normalisation."""

IGNORED = -100
"""Label of the positions that carry no caption or answer loss."""

WORDS: tuple[str, ...] = (*COLORS, *SHAPES)
"""The words of the readability loss."""

EMPTY_EVERY = 16
"""One scene in so many shows the background alone."""

BACKGROUND_WORD = "background"

Turns = list[tuple[list[int], list[int]]]


@dataclass(frozen=True)
class Batch:
    """Arrays of one step: B rows of L positions, N vision positions, W readability tokens.

    ``pixels`` float32 [B*N, P]; ``grid`` (h, w); ``ids``, ``labels`` and ``segments`` int64 [B, L];
    ``positions`` int64 [3, B, L]; ``true_words`` bool [B, W]; ``vision_start`` is the first vision
    position, the same in every row; ``cells`` int64 [B, N] is the index of the object that a cell
    shows, -1 for the background, and ``cell_words`` bool [B, N, W] its words, both for mask
    supervision only: None otherwise.
    """

    pixels: NDArray[np.float32]
    grid: tuple[int, int]
    ids: NDArray[np.int64]
    labels: NDArray[np.int64]
    segments: NDArray[np.int64]
    positions: NDArray[np.int64]
    vision_start: int
    true_words: NDArray[np.bool_]
    cell_words: NDArray[np.bool_] | None


class Encoder:
    """Token ids of texts and of the scenes' words, for one tokenizer."""

    def __init__(self, tokenizer: "PreTrainedTokenizerFast") -> None:
        self._tokenizer = tokenizer
        self.pad = tokenizer.get_vocab()["<|endoftext|>"]
        self.image = tokenizer.get_vocab()["<|image_pad|>"]
        self.ids = lru_cache(maxsize=65536)(self._ids)
        pieces = {word: self.ids(f" {word}") for word in WORDS}
        self.word_tokens = [token for word in WORDS for token in pieces[word]]
        """Ids of the readability tokens: each word's pieces, in the order of ``WORDS``."""
        self.token_words = [word for word in WORDS for _ in pieces[word]]
        kinds: dict[tuple[bool, int], int] = {}
        self.word_kinds = [
            kinds.setdefault((word in COLORS, piece), len(kinds))
            for word in WORDS
            for piece in range(len(pieces[word]))
        ]
        """Kind of each readability token: colour or shape, first piece or a later one."""
        self.background = self.ids(f" {BACKGROUND_WORD}")[0]

    def _ids(self, text: str) -> tuple[int, ...]:
        return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def words_true_of(self, pairs: list[tuple[str, str]]) -> NDArray[np.bool_]:
        """Which readability tokens spell a word of one of the pairs, bool [W]."""
        said = {word for pair in pairs for word in pair}
        return np.array([word in said for word in self.token_words])


def patches(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The vision tower's input for pictures of one size, as the processor makes it.

    Parameters
    ----------
    images : uint8 [B, H, W, 3]
        Height and width are multiples of the patch size.

    Returns
    -------
    float32 [B * N, 3 * T * p * p]
        Patches in row order; a still repeats its picture T times.
    """
    count, height, width, _ = images.shape
    p = PATCH_SIZE
    values = (images.astype(np.float32) / 255 - MEAN) / STD
    cut = values.reshape(count, height // p, p, width // p, p, 3).transpose(0, 1, 3, 5, 2, 4)
    still = np.repeat(cut[:, :, :, :, None], TEMPORAL_PATCH_SIZE, axis=4)
    return np.ascontiguousarray(still.reshape(count * (height // p) * (width // p), -1))


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
) -> Batch:
    """Batch of ``count`` scenes of a split, from index ``first`` on; see `Batch`."""
    height, width = grid[0] * PATCH_SIZE, grid[1] * PATCH_SIZE
    seeds = [split_seed(split, first + row) for row in range(count)]
    scenes = [
        make_scene(seed, height, width, (0, 0) if seed % EMPTY_EVERY == 0 else objects)
        for seed in seeds
    ]
    images = []
    rows = []
    for scene in scenes:
        rng = np.random.default_rng([scene.seed, 1])
        images.append(_soften(scene.image) if rng.random() < 0.3 else scene.image)
        rows.append(_row(encoder, _turns(encoder, scene, rng, turns), grid, rng.random() < 0.25))
    length = max(len(row[0]) for row in rows)
    ids = np.full((count, length), encoder.pad, np.int64)
    labels = np.full((count, length), IGNORED, np.int64)
    segments = np.full((count, length), -1, np.int64)
    positions = np.zeros((3, count, length), np.int64)
    for index, row in enumerate(rows):
        size = len(row[0])
        ids[index, :size], labels[index, :size], segments[index, :size] = row[0], row[1], row[2]
        positions[:, index, :size] = row[3]
    return Batch(
        pixels=patches(np.stack(images)),
        grid=grid,
        ids=ids,
        labels=labels,
        segments=segments,
        positions=positions,
        vision_start=len(_opening(encoder)),
        true_words=np.stack(
            [encoder.words_true_of([item.pair for item in scene.objects]) for scene in scenes]
        ),
        cell_words=np.stack([_cell_words(encoder, scene, grid) for scene in scenes])
        if masks
        else None,
    )


def _soften(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A 3 x 3 binomial blur, as the resizing of a larger picture would leave it."""
    padded = np.pad(image.astype(np.uint16), ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    return np.asarray((rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:] + 8) // 16, np.uint8)


def _opening(encoder: Encoder) -> tuple[int, ...]:
    return encoder.ids("<|im_start|>user\n<|vision_start|>")


def _turns(encoder: Encoder, scene: Scene, rng: np.random.Generator, count: int) -> Turns:
    """The caption and ``count - 1`` questions in random order, as ids of (asked, answered)."""
    said = [(CAPTION_PROMPTS[min(3, int(rng.exponential(0.7)))], caption(scene))]
    said += [(item.text, item.answer) for item in questions(scene, rng, count - 1)]
    rng.shuffle(said)
    return [
        (
            list(encoder.ids(f"{asked}<|im_end|>\n<|im_start|>assistant\n")),
            list(encoder.ids(f"{answered}<|im_end|>")),
        )
        for asked, answered in said
    ]


def _row(
    encoder: Encoder, turns: Turns, grid: tuple[int, int], conversation: bool
) -> tuple[list[int], list[int], list[int], NDArray[np.int64]]:
    """Ids, labels, segments [L] and positions [3, L] of one picture and its turns."""
    opening = _opening(encoder)
    cells = grid[0] * grid[1]
    closing = encoder.ids("<|vision_end|>")
    ids = [*opening, *[encoder.image] * cells, *closing]
    after = len(opening) + max(grid)
    rows, columns = np.divmod(np.arange(cells), grid[1])
    place = np.stack([np.zeros(cells, np.int64), rows, columns]) + len(opening)
    text = [np.arange(len(opening))]
    positions = [np.tile(text[0], (3, 1)), place, np.tile(np.arange(after, after + 1), (3, 1))]
    labels = [IGNORED] * len(ids)
    segments = [0] * len(ids)
    following = after + len(closing)
    for number, (asked, answered) in enumerate(turns):
        between = list(encoder.ids("\n<|im_start|>user\n")) if conversation and number else []
        start = following
        piece = [*between, *asked, *answered]
        ids += piece
        labels += [IGNORED] * (len(between) + len(asked)) + answered
        segments += [0 if conversation else number + 1] * len(piece)
        positions.append(np.tile(np.arange(start, start + len(piece)), (3, 1)))
        if conversation:
            following += len(piece)
    return ids, labels, segments, np.concatenate(positions, axis=1)


def _cell_words(encoder: Encoder, scene: Scene, grid: tuple[int, int]) -> NDArray[np.bool_]:
    """Which readability tokens name the object that covers most of a cell, bool [N, W]."""
    p = PATCH_SIZE
    words = np.zeros((grid[0] * grid[1], len(encoder.word_tokens)), bool)
    for item in scene.objects:
        share = item.mask.reshape(grid[0], p, grid[1], p).mean(axis=(1, 3)).ravel()
        words[share >= 0.5] = encoder.words_true_of([item.pair])
    return words
