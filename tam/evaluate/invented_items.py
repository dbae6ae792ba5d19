"""Scenes on which models invent words in their own replies, labelled from the scene.

=====================  =========================================================================
invented               two to four objects
invented-crowd         five or six objects, more than in any training scene
invented-disturbed     two to four objects, blurred by one pixel, with noise of 20 grey levels
invented-small         two to four objects in a picture of half the usual side
invented-unseen        colors and shapes that no training scene puts together
invented-noisy         two to four objects, blurred by one pixel, with noise of 40 grey levels
invented-blurred       two to four objects, blurred by four pixels, with noise of 20 grey levels
invented-unseen-noisy  as invented-unseen, disturbed as invented-noisy
=====================  =========================================================================

The model writes the description, sampled at temperature 1 with the item's seed. A color or shape
that it states is false if it fits no object of the scene (:func:`false_spans`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from tam.evaluate.items import Claim, Item
from tam.evaluate.scene_items import CATEGORIES, KINDS, PROMPT, SCENE_SPLITS, object_masks
from tam.media.media import image_from_array
from tam.prompt.conversation import question
from tam.scenes.language import Named, caption
from tam.scenes.world import COLORS, SHAPES, make_scene, split_seed

Picture = NDArray[np.uint8]

_STRIDE = 5_000_000
# Unseen pairs come from one split of the seeds; each world has its own part of it.
_WORLDS = ("test", "validation", "train", "combinations")
_APART = 1_000_000
_SIDE = 128
_LONGEST = 64
_STATED = re.compile(rf"\b({'|'.join((*COLORS, *SHAPES))})")
_PHRASE = re.compile(rf"\b({'|'.join(COLORS)}) ({'|'.join(SHAPES)})\b")


@dataclass(frozen=True)
class Kind:
    """The properties of a split's scenes.

    Parameters
    ----------
    objects
        The least and the greatest number of objects.
    side
        Height and width of the picture, in pixels.
    blur, noise
        Standard deviations of the blur, in pixels, and of the noise, in grey levels.
    unseen
        Whether colors and shapes come from the world's split ``combinations``.
    scenes
        The split whose scenes it shows; None for its own.
    """

    objects: tuple[int, int] = (2, 4)
    side: int = _SIDE
    blur: float = 0.0
    noise: float = 0.0
    unseen: bool = False
    scenes: str | None = None


INVENTED_SPLITS: Mapping[str, Kind] = {
    "invented": Kind(),
    "invented-crowd": Kind(objects=(5, 6)),
    "invented-disturbed": Kind(blur=1, noise=20),
    "invented-small": Kind(side=_SIDE // 2),
    "invented-unseen": Kind(unseen=True),
    "invented-noisy": Kind(blur=1, noise=40, scenes="invented"),
    "invented-blurred": Kind(blur=4, noise=20, scenes="invented"),
    "invented-unseen-noisy": Kind(blur=1, noise=40, unseen=True, scenes="invented-unseen"),
}
"""The splits, by name."""


def invented_items(
    split: str, count: int, *, world: str = "test", first: int = 0
) -> Iterator[Item]:
    """Yield the items of a split, which the model answers by sampling.

    Parameters
    ----------
    split
        One of :data:`INVENTED_SPLITS`.
    count
        The number of items.
    world
        Split of the world's seeds, see :func:`tam.evaluate.scene_items.scene_items`.
    first
        Index of the first item.
    """
    kind = INVENTED_SPLITS[split]
    start = (len(SCENE_SPLITS) + 1 + list(INVENTED_SPLITS).index(kind.scenes or split)) * _STRIDE
    seeds = "combinations" if kind.unseen else world
    if kind.unseen:
        start += _WORLDS.index(world) * _APART
    for index in range(first, first + count):
        scene = make_scene(
            split_seed(seeds, start + index),
            height=kind.side,
            width=kind.side,
            objects=kind.objects,
            scale=kind.side / _SIDE,
        )
        shown = disturbed(scene.image, scene.seed, kind.blur, kind.noise)
        name = f"{world}-{split}-{index:05d}"
        picture = replace(image_from_array(shown, name), drawn=True)
        yield Item(
            name=name,
            split=split,
            conversation=question([picture], PROMPT),
            categories=CATEGORIES,
            masks=object_masks(scene.objects, [item.mask for item in scene.objects]),
            references=(caption(scene),),
            kinds=KINDS,
            generation={
                "do_sample": True,
                "temperature": 1.0,
                "top_k": 0,
                "top_p": 1.0,
                "seed": index,
                "max_new_tokens": _LONGEST,
            },
            judged=partial(claims, objects=scene.objects),
        )


def claims(text: str, objects: Sequence[Named]) -> list[Claim]:
    """Return the colors and shapes that a description states, true or false.

    A word counts from its beginning: a confused model may glue another one to it.
    """
    false = set(false_spans(text, objects))
    return [Claim(*match.span(), match.span() not in false) for match in _STATED.finditer(text)]


def false_spans(text: str, objects: Sequence[Named]) -> tuple[tuple[int, int], ...]:
    """Find the false colors and shapes of a description: characters ``first <= c < last``.

    Each pair of a color and a shape is compared with the objects. If no object has both, the shape
    is false if no object has it, and the color if no object has it; if both occur, but not
    together, only the color is false.
    """
    pairs = {item.pair for item in objects}
    colors, shapes = ({pair[place] for pair in pairs} for place in (0, 1))
    found = []
    for match in _PHRASE.finditer(text):
        color, shape = match.groups()
        if (color, shape) in pairs:
            continue
        if color not in colors or shape in shapes:
            found.append(match.span(1))
        if shape not in shapes:
            found.append(match.span(2))
    return tuple(found)


def disturbed(image: Picture, seed: int, blur: float, noise: float) -> Picture:
    """Blur a picture [H, W, 3] by a Gaussian, in pixels, and add noise, in grey levels."""
    if not blur and not noise:
        return image
    grain = np.random.default_rng(seed).normal(0, noise, image.shape)
    blurred = gaussian_filter(image.astype(np.float64), (blur, blur, 0), mode="nearest")
    return np.asarray(np.clip(blurred + grain + 0.5, 0, 255), np.uint8)
