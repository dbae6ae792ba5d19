"""Composites and mosaics of photographs as evaluation items, with exact masks.

===========  ===================================================================================
one          one object on a photographed background
two          two objects, which may partly hide each other
three        three objects
four         four objects
false        two objects; the reply is given, and one of its nouns is false
pictures     two pictures of one object each
talk         two objects, described in the third turn, after two true answers
clip         two objects that move over the background
frames       the frames of such a clip as single pictures, for models that read no clips
mosaic-4     a mosaic of 2 × 2 photographs
mosaic-9     a mosaic of 3 × 3 photographs
===========  ===================================================================================

The reply is given in ``false``, ``talk`` and the mosaics; in the other splits the model writes it,
and each noun of the tower's vocabulary or of the pack that it names is a claim (:func:`claims`).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial

import numpy as np

from tam.errors import InputError
from tam.evaluate.items import Claim, Item, Mask, Removal
from tam.evaluate.object_words import named
from tam.media.media import Media, image_from_array
from tam.photo.cutouts import Placed
from tam.photo.pack import Composed, Pack, compose, mosaic
from tam.photo.training.text import caption, presence_answer, presence_question
from tam.photo.vocabulary import names
from tam.prompt.conversation import Conversation, Turn, question

PROMPT = "Describe this image."
_FRAMES, _RATE = 4, 2.0
_STEP = 24
"""The largest number of pixels that an object moves from frame to frame."""
_SUBSTITUTES = 8
"""The largest number of substitutes for a noun; two of them do not agree on what it causes."""
_STRIDE = 100_000
_SCENERY = range(970, 981)
"""ImageNet's classes of mountains, coasts and the like."""


def photo_items(pack: Pack, split: str, count: int, *, first: int = 0) -> Iterator[Item]:
    """Yield the items of a split.

    Parameters
    ----------
    pack
        The pack of photographs that they are composed of.
    split
        One of ``PHOTO_SPLITS``.
    count, first
        The number of items, and the index of the first.

    Raises
    ------
    InputError
        If there is no such split, or the pack has too few pictures for it.
    """
    if split not in PHOTO_SPLITS:
        raise InputError(
            f"unknown split {split!r}", where="photo", remedy=f"use {', '.join(PHOTO_SPLITS)}"
        )
    start = list(PHOTO_SPLITS).index(split) * _STRIDE
    for index in range(first, first + count):
        yield PHOTO_SPLITS[split](pack, split, f"photo-{split}-{index:05d}", start + index)


def categories(pack: Pack) -> dict[str, int]:
    """Return the class ids of a pack's nouns, by noun."""
    nouns = sorted({*pack.nouns, *(noun for noun, _ in pack.photos)})
    return {noun: number for number, noun in enumerate(nouns, 1)}


def claims(text: str, shown: Collection[str], nouns: frozenset[str]) -> list[Claim]:
    """Return those of the nouns that a text names, and whether they are among the shown ones."""
    return [Claim(start, stop, noun in shown) for start, stop, noun in named(text, nouns)]


@cache
def _claimed() -> frozenset[str]:
    """Return the nouns of the tower's classes, without scenery, which a background can show."""
    return frozenset(name.noun.lower() for name in names() if not set(name.classes) & {*_SCENERY})


def _composed(objects: int, pack: Pack, split: str, name: str, seed: int) -> Item:
    scene = compose(pack, objects, seed)
    picture, masks = scene.render()
    asked = question([image_from_array(picture, name)], PROMPT)
    item = _item(pack, split, name, asked, _nouns(scene), _by_class(pack, scene, masks))
    return replace(item, removals=partial(_without_each, scene, masks))


def _without_each(scene: Composed, masks: Sequence[Mask]) -> list[Removal]:
    """Return the composite without each of its cut-outs in turn."""
    found = []
    for index, mask in enumerate(masks):
        picture, _ = scene.without(index).render()
        found.append(Removal(mask, (image_from_array(picture),)))
    return found


def _false(pack: Pack, split: str, name: str, seed: int) -> Item:
    item = _composed(2, pack, split, name, seed)
    true = item.references[0]
    rng = np.random.default_rng(seed)
    shown = _nouns(compose(pack, 2, seed))
    absent = [noun for noun in pack.nouns if noun not in shown]
    place = int(rng.integers(2))
    said = list(shown)
    said[place] = absent[int(rng.integers(len(absent)))]
    answer = caption(said)
    first = answer.index(said[place], answer.index(said[0]) + len(said[0]) if place else 0)
    assert answer != true
    return replace(item, answer=answer, false_spans=((first, first + len(said[place])),))


def _pictures(pack: Pack, split: str, name: str, seed: int) -> Item:
    scenes = [compose(pack, 1, 2 * seed + number) for number in (0, 1)]
    rendered = [scene.render() for scene in scenes]
    media = [image_from_array(picture, f"{name}-{i}") for i, (picture, _) in enumerate(rendered)]
    nouns = [noun for scene in scenes for noun in _nouns(scene)]
    found: dict[int, Mask] = {}
    for number, (scene, (_, masks)) in enumerate(zip(scenes, rendered, strict=True)):
        for class_id, mask in _by_class(pack, scene, masks).items():
            blank = np.zeros_like(mask)
            whole = np.concatenate([mask if number == at else blank for at in (0, 1)])
            found[class_id] = found[class_id] | whole if class_id in found else whole
    item = _item(pack, split, name, question(media, "Describe these images."), nouns, found)
    return replace(item, removals=partial(_one_picture_changed, scenes, media))


def _one_picture_changed(scenes: Sequence[Composed], media: Sequence[Media]) -> list[Removal]:
    """Return several composites without each of their cut-outs in turn."""
    found = []
    for number, scene in enumerate(scenes):
        _, masks = scene.render()
        for removal in _without_each(scene, masks):
            blank = np.zeros_like(removal.mask)
            parts = [removal.mask if i == number else blank for i in range(len(media))]
            found.append(
                Removal(
                    np.concatenate(parts), (*media[:number], *removal.media, *media[number + 1 :])
                )
            )
    return found


def _talked(pack: Pack, split: str, name: str, seed: int) -> Item:
    scene = compose(pack, 2, seed)
    picture, masks = scene.render()
    nouns = _nouns(scene)
    absent = [noun for noun in pack.nouns if noun not in nouns]
    rng = np.random.default_rng(seed)
    there, missing = nouns[int(rng.integers(2))], absent[int(rng.integers(len(absent)))]
    turns = (
        Turn("user", (image_from_array(picture, name), presence_question(there))),
        Turn("assistant", (presence_answer(there, True),)),
        Turn("user", (presence_question(missing),)),
        Turn("assistant", (presence_answer(missing, False),)),
        Turn("user", (PROMPT,)),
    )
    by_class = _by_class(pack, scene, masks)
    item = _item(pack, split, name, Conversation(turns), nouns, by_class)
    return replace(item, answer=caption(nouns), removals=partial(_without_each, scene, masks))


def _clip(single: bool, pack: Pack, split: str, name: str, seed: int) -> Item:
    """Make an item of a clip; ``single`` shows its frames as single pictures."""
    scene = compose(pack, 2, seed)
    rng = np.random.default_rng(seed)
    steps = rng.integers(-_STEP, _STEP + 1, size=(2, 2))
    moved = [_moved(scene, steps * frame) for frame in range(_FRAMES)]
    masks = [
        np.concatenate([masks[i] for masks in (frame.render()[1] for frame in moved)])
        for i in range(2)
    ]
    media = _filmed(moved, name, single=single)
    asked = question(media, "Describe these images." if single else "Describe this video.")
    item = _item(pack, split, name, asked, _nouns(scene), _by_class(pack, scene, masks))
    return replace(item, removals=partial(_out_of_all_frames, moved, masks, name, single=single))


def _filmed(moved: Sequence[Composed], name: str, *, single: bool) -> tuple[Media, ...]:
    """Return rendered frames as one clip or, if ``single``, as pictures."""
    frames = [frame.render()[0] for frame in moved]
    if single:
        return tuple(image_from_array(frame, f"{name}-{i}") for i, frame in enumerate(frames))
    return (Media(np.stack(frames), np.arange(len(frames)) / _RATE, name, "video"),)


def _out_of_all_frames(
    moved: Sequence[Composed], masks: Sequence[Mask], name: str, *, single: bool
) -> list[Removal]:
    """Return a clip without each of its cut-outs in turn."""
    found = []
    for index, mask in enumerate(masks):
        rest = [frame.without(index) for frame in moved]
        found.append(Removal(mask, _filmed(rest, name, single=single)))
    return found


def _mosaic(side: int, pack: Pack, split: str, name: str, seed: int) -> Item:
    picture, parts = mosaic(pack, side, seed)
    ids = categories(pack)
    masks = {ids[noun]: inside for noun, inside in parts}
    asked = question([image_from_array(picture, name)], PROMPT)
    nouns = [noun for noun, _ in parts]
    return replace(_item(pack, split, name, asked, nouns, masks), answer=caption(nouns))


Maker = Callable[[Pack, str, str, int], Item]
"""A function that makes an item from a pack, its split's name, its own name and a seed."""

PHOTO_SPLITS: Mapping[str, Maker] = {
    "one": partial(_composed, 1),
    "two": partial(_composed, 2),
    "three": partial(_composed, 3),
    "four": partial(_composed, 4),
    "false": _false,
    "pictures": _pictures,
    "talk": _talked,
    "clip": partial(_clip, False),
    "mosaic-4": partial(_mosaic, 2),
    "mosaic-9": partial(_mosaic, 3),
    "frames": partial(_clip, True),
}
"""Maker of each split's items. A split's place gives its seeds, so new ones come last."""

STILLS = tuple(name for name in PHOTO_SPLITS if name not in ("clip", "frames"))
"""Splits without clips and their frames, which are measured by default."""


def _moved(scene: Composed, steps: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Composed:
    """Return the scene with every object moved by its step (x, y)."""
    placed = []
    for item, (x, y) in zip(scene.placed, steps.tolist(), strict=True):
        x0, y0, x1, y1 = item.box
        placed.append(Placed(item.cutout, (x0 + x, y0 + y, x1 + x, y1 + y), item.flipped))
    return Composed(scene.background, tuple(placed))


def _nouns(scene: Composed) -> list[str]:
    return [scene.placed[index].cutout.noun for index in scene.left_to_right]


def _by_class(pack: Pack, scene: Composed, masks: Sequence[Mask]) -> dict[int, Mask]:
    ids = categories(pack)
    return {ids[p.cutout.noun]: mask for p, mask in zip(scene.placed, masks, strict=True)}


def _item(
    pack: Pack,
    split: str,
    name: str,
    conversation: Conversation,
    nouns: Sequence[str],
    masks: Mapping[int, Mask],
) -> Item:
    return Item(
        name=name,
        split=split,
        conversation=conversation,
        categories=categories(pack),
        masks=masks,
        references=(caption(nouns),),
        kinds=(tuple(pack.nouns),),
        substitutes=_SUBSTITUTES,
        judged=partial(claims, shown=tuple(nouns), nouns=_claimed() | {*pack.nouns}),
    )
