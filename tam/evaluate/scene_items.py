"""Synthetic scenes as evaluation items: exact masks, named splits of growing difficulty.

==================  ============================================================================
one                 one object
same-color          two objects of one color and different shapes, sometimes a third
same-shape          two objects of one shape and different colors, sometimes a third
many                four objects
small-objects       two to three objects, all of the smaller size
distractors         two to three objects; an earlier turn asked about words that are not shown
false               two to three objects; the reply is given, and one of its words is false
clip-one            a clip of one object
clip-two            a clip of two objects, one of which may hide the other
clip-false          a clip; the reply is given, and one of its words is false
conversation        two to three objects, described in the third turn, after two true answers
follow-up           the second turn asks about the color or shape of what the first one named
conversation-false  as conversation; the reply is given, and one of its words is false
==================  ============================================================================

In the splits with false words, distractors and follow-up the reply is given (teacher forcing), so
that every model is measured on the same words; in the others the model writes it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from tam.errors import InputError
from tam.evaluate.items import Item, Mask, Removal
from tam.media.media import Media, image_from_array
from tam.prompt.conversation import Conversation, Turn, question
from tam.scenes.clips import Clip, make_clip
from tam.scenes.language import NUMBERS, Named, caption, questions
from tam.scenes.motion import CLIP_PROMPTS, clip_caption
from tam.scenes.world import (
    COLORS,
    SHAPES,
    SIZES,
    SPLITS,
    Scene,
    SceneObject,
    make_scene,
    split_seed,
)

PROMPT = "Describe this image."
CATEGORIES: dict[str, int] = {word: number for number, word in enumerate((*COLORS, *SHAPES), 1)}

KINDS = (tuple(COLORS), SHAPES, SIZES, NUMBERS, ("left", "right"), ("above", "below"))
"""Groups of words of the scenes' language that can replace one another."""

# Scenes of different splits never share a seed, so none is measured twice.
_STRIDE = 5_000_000
_TRIES = 500
_CLIP_RATE = 2.0


def scene_items(split: str, count: int, *, world: str = "test", first: int = 0) -> Iterator[Item]:
    """Yield the items of a named split.

    Parameters
    ----------
    split
        One of ``SCENE_SPLITS``.
    count
        The number of items.
    world
        Split of the world's seeds: "test" and "validation" hold scenes that no model has seen in
        training; "train" is for calibration; "combinations" has pairs of a color and a shape that
        no training scene contains.
    first
        Index of the first item.

    Raises
    ------
    InputError
        If the split is unknown.
    """
    if split not in SCENE_SPLITS or world not in SPLITS:
        known = ", ".join(SCENE_SPLITS) if split not in SCENE_SPLITS else ", ".join(SPLITS)
        raise InputError(
            f"unknown split {split if split not in SCENE_SPLITS else world!r}",
            where="scenes",
            remedy=f"use one of {known}",
        )
    if not 0 <= first <= first + count <= _STRIDE // _TRIES:
        raise InputError(
            f"has {_STRIDE // _TRIES} items, not {first + count}",
            where=f"split {split}",
            remedy="ask for fewer",
        )
    make = SCENE_SPLITS[split]
    start = list(SCENE_SPLITS).index(split) * _STRIDE
    for index in range(first, first + count):
        yield make(f"{world}-{split}-{index:05d}", split, world, start + index * _TRIES)


def object_masks(objects: Sequence[Named], masks: Sequence[Mask]) -> dict[int, Mask]:
    """Return each class's mask: a pixel of an object belongs to its color and to its shape."""
    found: dict[int, Mask] = {}
    for item, mask in zip(objects, masks, strict=True):
        for word in item.pair:
            known = found.get(CATEGORIES[word])
            found[CATEGORIES[word]] = mask if known is None else known | mask
    return found


def false_text(text: str, objects: Sequence[Named], seed: int) -> tuple[str, tuple[int, int]]:
    """Return a true text with one color or shape made false, and the span of the false word.

    The word's first occurrence is replaced by a word that is true of nothing in the picture, so
    the statement is false for every object.
    """
    rng = np.random.default_rng(seed)
    target = objects[int(rng.integers(len(objects)))]
    words = COLORS if rng.random() < 0.5 else SHAPES
    true = target.color if words is COLORS else target.shape
    shown = {word for item in objects for word in item.pair}
    absent = [word for word in words if word not in shown]
    false = absent[int(rng.integers(len(absent)))]
    phrase = text.index(f"{target.color} {target.shape}")
    first = text.index(true, phrase)
    return text[:first] + false + text[first + len(true) :], (first, first + len(false))


Fits = Callable[[Scene], bool]


def _pictured(objects: tuple[int, int], fits: Fits, *, false: bool = False) -> "Maker":
    def make(name: str, split: str, world: str, start: int) -> Item:
        scene = _scene(world, start, objects, fits)
        asked = question([_picture(scene, name)], PROMPT)
        return _scene_item(name, split, scene, asked, objects, false=false)

    return make


def _distracted(name: str, split: str, world: str, start: int) -> Item:
    scene = _scene(world, start, (2, 3), _several)
    rng = np.random.default_rng(scene.seed)
    shown = {word for item in scene.objects for word in item.pair}
    color, shape = (
        str(rng.choice([word for word in words if word not in shown]))
        for words in (tuple(COLORS), SHAPES)
    )
    asked = _conversation(
        _picture(scene, name),
        f"Is there {_article(color)} {color} object?",
        f"No, there is no {color} object.",
        f"Is there {_article(shape)} {shape}?",
        f"No, there is no {shape}.",
        PROMPT,
    )
    return _scene_item(name, split, scene, asked, (2, 3), answer=caption(scene))


def _talked(*, false: bool = False) -> "Maker":
    def make(name: str, split: str, world: str, start: int) -> Item:
        scene = _scene(world, start, (2, 3), _several)
        before = questions(scene, np.random.default_rng(scene.seed), 2)
        said = [text for item in before for text in (item.text, item.answer)]
        asked = _conversation(_picture(scene, name), *said, PROMPT)
        return _scene_item(name, split, scene, asked, (2, 3), false=false)

    return make


def _followed(name: str, split: str, world: str, start: int) -> Item:
    scene = _scene(world, start, (2, 3), lambda scene: _several(scene) and bool(_unique(scene)))
    found = _unique(scene)
    about, word = found[int(np.random.default_rng(scene.seed).integers(len(found)))]
    if word == about.shape:
        thing, after, answer = word, "What color is it?", f"It is {about.color}."
    else:
        thing, after = f"{word} object", "What shape is it?"
        answer = f"It is {_article(about.shape)} {about.shape}."
    named = f"{_article(thing)} {thing}"
    asked = _conversation(
        _picture(scene, name), f"Is there {named}?", f"Yes, there is {named}.", after
    )
    masks = object_masks([about], [about.mask])
    removals = partial(_scenes_without, scene, (2, 3))
    return _item(name, split, asked, masks, answer, answer, (), removals)


def _unique(scene: Scene) -> list[tuple[SceneObject, str]]:
    """Return objects with a word that is true of no other object."""
    said = Counter(word for item in scene.objects for word in item.pair)
    return [(item, word) for item in scene.objects for word in item.pair if said[word] == 1]


def _filmed(count: tuple[int, ...], *, false: bool = False) -> "Maker":
    def make(name: str, split: str, world: str, start: int) -> Item:
        clip = _clip(world, start, count)
        frames = clip.frames
        times = np.arange(len(frames)) / _CLIP_RATE
        asked = question([Media(frames, times, name, "video", drawn=True)], CLIP_PROMPTS[0])
        masks = [item.mask.reshape(-1, item.mask.shape[2]) for item in clip.objects]
        true = clip_caption(clip)
        answer, spans = _planted(true, clip.objects, clip.seed) if false else (None, ())
        by_class = object_masks(clip.objects, masks)
        removals = partial(_clips_without, clip, asked)
        return _item(name, split, asked, by_class, true, answer, spans, removals)

    return make


Maker = Callable[[str, str, str, int], Item]
"""A function that makes an item from its name, the split, the world's split and the first seed."""


def _several(scene: Scene) -> bool:
    return len(scene.objects) > 1


SCENE_SPLITS: Mapping[str, Maker] = {
    "one": _pictured((1, 1), lambda scene: len(scene.objects) == 1),
    "same-color": _pictured((2, 3), lambda scene: _shares(scene, "color")),
    "same-shape": _pictured((2, 3), lambda scene: _shares(scene, "shape")),
    "many": _pictured((4, 4), lambda scene: len(scene.objects) == 4),
    "small-objects": _pictured(
        (2, 3), lambda scene: _several(scene) and {o.size for o in scene.objects} == {"small"}
    ),
    "distractors": _distracted,
    "false": _pictured((2, 3), _several, false=True),
    "clip-one": _filmed((1,)),
    "clip-two": _filmed((2,)),
    "clip-false": _filmed((1, 2), false=True),
    "conversation": _talked(),
    "follow-up": _followed,
    "conversation-false": _talked(false=True),
}
"""Maker of each split's items, by growing difficulty for pictures, clips and conversations."""


def _scene_item(
    name: str,
    split: str,
    scene: Scene,
    conversation: Conversation,
    objects: tuple[int, int],
    *,
    answer: str | None = None,
    false: bool = False,
) -> Item:
    spans: tuple[tuple[int, int], ...] = ()
    if false:
        answer, spans = _planted(caption(scene), scene.objects, scene.seed)
    masks = object_masks(scene.objects, [item.mask for item in scene.objects])
    removals = partial(_scenes_without, scene, objects)
    return _item(name, split, conversation, masks, caption(scene), answer, spans, removals)


def _scenes_without(scene: Scene, objects: tuple[int, int]) -> list[Removal]:
    """Return the scene without each object in turn; ``objects`` as when the scene was made."""
    found = []
    for index, item in enumerate(scene.objects):
        rest = make_scene(scene.seed, objects=objects, without=index)
        found.append(Removal(item.mask, (image_from_array(rest.image),)))
    return found


def _clips_without(clip: Clip, conversation: Conversation) -> list[Removal]:
    [(_, shown)] = conversation.media
    return [
        Removal(
            item.mask.reshape(-1, item.mask.shape[2]),
            (replace(shown, frames=make_clip(clip.seed, without=index).frames),),
        )
        for index, item in enumerate(clip.objects)
    ]


def _planted(
    text: str, objects: Sequence[Named], seed: int
) -> tuple[str, tuple[tuple[int, int], ...]]:
    answer, span = false_text(text, objects, seed)
    return answer, (span,)


def _item(
    name: str,
    split: str,
    conversation: Conversation,
    masks: Mapping[int, Mask],
    true: str,
    answer: str | None,
    false_spans: tuple[tuple[int, int], ...],
    removals: Callable[[], Sequence[Removal]],
) -> Item:
    return Item(
        name=name,
        split=split,
        conversation=conversation,
        categories=CATEGORIES,
        masks=masks,
        references=(true,),
        answer=answer,
        false_spans=false_spans,
        removals=removals,
        kinds=KINDS,
    )


def _conversation(picture: Media, *said: str) -> Conversation:
    """Return a conversation about one picture: user and assistant alternate, the user first."""
    roles = ("user", "assistant")
    turns = [Turn(roles[number % 2], (text,)) for number, text in enumerate(said)]
    turns[0] = Turn("user", (picture, said[0]))
    return Conversation(tuple(turns))


def _scene(world: str, start: int, objects: tuple[int, int], fits: Fits) -> Scene:
    """Return the first scene, from a seed on, that meets the condition."""
    for index in range(start, start + _TRIES):
        scene = make_scene(split_seed(world, index), objects=objects)
        if fits(scene):
            return scene
    raise AssertionError(f"none of {_TRIES} scenes of {world} from {start} on fits")


def _clip(world: str, start: int, count: tuple[int, ...]) -> Clip:
    """Return the first clip, from a seed on, whose number of objects is in ``count``."""
    for index in range(start, start + _TRIES):
        clip = make_clip(split_seed(world, index))
        if len(clip.objects) in count:
            return clip
    raise AssertionError(f"none of {_TRIES} clips of {world} from {start} on fits")


def _shares(scene: Scene, name: str) -> bool:
    words = [getattr(item, name) for item in scene.objects]
    return len(set(words)) < len(words)


def _picture(scene: Scene, name: str) -> Media:
    return replace(image_from_array(scene.image, name), drawn=True)


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"
