"""Data sets by their names on the command line."""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from tam.errors import InputError
from tam.evaluate.davis_items import davis_items
from tam.evaluate.folder_items import folder_items
from tam.evaluate.invented_items import INVENTED_SPLITS, invented_items
from tam.evaluate.items import Item
from tam.evaluate.photo_items import STILLS, categories, photo_items
from tam.evaluate.published_items import PACKED_PROMPTS, coco_items, packed_items
from tam.evaluate.refcoco_items import refcoco_items
from tam.evaluate.scene_items import SCENE_SPLITS, scene_items
from tam.evaluate.tagging import Tagger, best_tagger, photo_tagger, scene_tagger
from tam.evaluate.yes_no_items import yes_no_items
from tam.photo.pack import open_pack

KINDS = (
    "scenes",
    "photo",
    "photo:FOLDER",
    "coco:FOLDER",
    "grandf:FOLDER",
    "openpsg:FOLDER",
    "pope:FOLDER",
    "refcoco:FOLDER",
    "davis:FOLDER",
    "folder:FOLDER",
)
SCENE_COUNT = 50
_READERS = {
    "pope": yes_no_items,
    "refcoco": refcoco_items,
    "davis": davis_items,
    "folder": folder_items,
}


def open_data(
    data: str, *, splits: Sequence[str] = (), count: int | None = None, world: str = "test"
) -> tuple[Iterator[Item], Tagger]:
    """Open a data set and choose the word tagger that fits it.

    Parameters
    ----------
    data
        One of ``KINDS``.
    splits
        Named splits of the scenes or the composites; by default all except clips of composites,
        their frames, and scenes on which models invent words
        (:mod:`tam.evaluate.invented_items`).
    count
        The number of items: per split for scenes and composites (``SCENE_COUNT`` by default), per
        file for POPE and RefCOCO, in total for the other data sets (all by default).
    world
        The world of the scenes, see :func:`tam.evaluate.scene_items.scene_items`.

    Raises
    ------
    InputError
        If the data set or split is unknown. An error in a picture is raised only when its item is
        read.
    """
    kind, _, place = data.partition(":")
    if kind == "scenes" and not place:
        known = (*SCENE_SPLITS, *INVENTED_SPLITS)
        unknown = [name for name in splits if name not in known]
        if unknown:
            raise InputError(
                f"unknown split {unknown[0]!r}",
                where="scenes",
                remedy=f"use {', '.join(known)}",
            )
        number = SCENE_COUNT if count is None else count
        parts = [
            (invented_items if name in INVENTED_SPLITS else scene_items)(name, number, world=world)
            for name in splits or SCENE_SPLITS
        ]
        return chain.from_iterable(parts), scene_tagger()
    if kind == "photo":
        pack = open_pack(Path(place) if place else None)
        number = SCENE_COUNT if count is None else count
        parts = [photo_items(pack, name, number) for name in splits or STILLS]
        return chain.from_iterable(parts), photo_tagger(categories(pack))
    if splits:
        raise InputError("has no splits", where=f"data {data!r}", remedy="leave --split out")
    folder = Path(place)
    if not place or not folder.is_dir():
        raise InputError(
            f"folder {place!r} does not exist" if place else "is not a known data set",
            where=f"data {data!r}",
            remedy=f"give {', '.join(KINDS)}",
        )
    if kind == "coco":
        return coco_items(folder, count=count), best_tagger()
    if kind in PACKED_PROMPTS:
        return packed_items(folder, kind, count=count), best_tagger()
    if kind in _READERS:
        return _READERS[kind](folder, count=count), best_tagger()
    raise InputError(
        "is not a known data set", where=f"data {data!r}", remedy=f"give {', '.join(KINDS)}"
    )
