"""Training examples: one or two pictures or a clip, with several turns of text about them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tam.scenes.clips import make_clip
from tam.scenes.language import (
    CAPTION_PROMPTS,
    Question,
    caption,
    drill_questions,
    follow_up,
    questions,
)
from tam.scenes.motion import CLIP_PROMPTS, clip_caption, clip_questions
from tam.scenes.pairs import pair_questions
from tam.scenes.tokens import PATCH_SIZE, TEMPORAL_PATCH_SIZE
from tam.scenes.world import Scene, make_scene

EMPTY_EVERY = 16
"""One of so many scenes shows only the background."""

CONVERSATIONS = 0.35
"""Share of the examples whose turns form a conversation; in the others they are independent."""

KINDS: tuple[str, ...] = ("picture", "drill", "pictures", "clip")

Pair = tuple[str, str]


@dataclass(frozen=True)
class Example:
    """One row of a batch: its pictures and its turns of text.

    ``frames`` uint8 [G, T, H, W, 3]: G grids of vision tokens (pictures, or parts of a clip) of T
    frames each; ``shown`` lists the objects (color, shape) that each grid shows; ``owners`` int
    [G, H, W] is the index into ``shown`` of the object that a pixel shows, -1 for the background.
    """

    frames: NDArray[np.uint8]
    shown: tuple[tuple[Pair, ...], ...]
    owners: NDArray[np.int8]
    turns: list[tuple[str, str]]
    conversation: bool


def make_example(
    kind: str, seed: int, grid: tuple[int, int], objects: tuple[int, int], turns: int
) -> Example:
    """Make the example of a seed.

    Parameters
    ----------
    kind : str
        One of `KINDS`: one picture, one picture with many questions of the hard kinds, two
        pictures, or a clip.
    grid : tuple of int
        Rows and columns of vision tokens.
    objects : tuple of int
        Least and greatest number of objects of a picture.
    turns : int
        Number of captions and questions.
    """
    height, width = (PATCH_SIZE * side for side in grid)
    rng = np.random.default_rng([seed, 1])
    if kind == "clip":
        return _clip_example(seed, rng, height, width, turns)
    scenes = [
        make_scene(part, height, width, (0, 0) if seed % EMPTY_EVERY == 0 else objects)
        for part in ([seed, seed + 1] if kind == "pictures" else [seed])
    ]
    soft = rng.random() < 0.3
    stills = np.stack([_soften(scene.image) if soft else scene.image for scene in scenes])
    conversation = kind == "picture" and rng.random() < CONVERSATIONS
    if kind == "picture":
        texts = _picture_turns(scenes[0], rng, turns, conversation)
    elif kind == "drill":
        texts = _plain(drill_questions(scenes[0], rng, turns))
    else:
        texts = _plain(pair_questions((scenes[0], scenes[1]), rng, turns))
    return Example(
        np.repeat(stills[:, None], TEMPORAL_PATCH_SIZE, axis=1),
        tuple(tuple(item.pair for item in scene.objects) for scene in scenes),
        np.stack([scene.owner() for scene in scenes]),
        texts,
        conversation,
    )


def _picture_turns(
    scene: Scene, rng: np.random.Generator, count: int, conversation: bool
) -> list[tuple[str, str]]:
    """Draw the caption and questions in random order; a conversation adds questions about "it"."""
    prompt = CAPTION_PROMPTS[min(3, int(rng.exponential(0.7)))]
    turns = [Question("caption", prompt, caption(scene)), *questions(scene, rng, count - 1)]
    turns = [turns[index] for index in rng.permutation(len(turns))]
    if conversation:
        following = [(item, follow_up(scene.objects, item, rng)) for item in turns]
        turns = [item for both in following for item in both if item is not None][:count]
    return _plain(turns)


def _clip_example(
    seed: int, rng: np.random.Generator, height: int, width: int, turns: int
) -> Example:
    clip = make_clip(seed, height, width)
    prompt = CLIP_PROMPTS[int(rng.integers(len(CLIP_PROMPTS)))]
    texts = [
        Question("caption", prompt, clip_caption(clip)),
        *clip_questions(clip, rng, turns - 1),
    ]
    parts = len(clip.frames) // TEMPORAL_PATCH_SIZE
    seen = [
        np.asarray(item.shown().reshape(parts, TEMPORAL_PATCH_SIZE).any(axis=1))
        for item in clip.objects
    ]
    owners = np.full((parts, height, width), -1, np.int8)
    shown: list[tuple[Pair, ...]] = []
    for part in range(parts):
        here = [item for item, when in zip(clip.objects, seen, strict=True) if when[part]]
        for index, item in enumerate(here):
            both = item.mask[part * TEMPORAL_PATCH_SIZE : (part + 1) * TEMPORAL_PATCH_SIZE]
            owners[part][both.all(axis=0)] = index
        shown.append(tuple(item.pair for item in here))
    frames = clip.frames.reshape(parts, TEMPORAL_PATCH_SIZE, height, width, 3)
    return Example(frames, tuple(shown), owners, _plain(texts), False)


def _plain(turns: list[Question]) -> list[tuple[str, str]]:
    return [(item.text, item.answer) for item in turns]


def _soften(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Apply a 3 x 3 binomial blur, which resembles the result of downscaling a larger picture."""
    padded = np.pad(image.astype(np.uint16), ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    return np.asarray((rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:] + 8) // 16, np.uint8)
