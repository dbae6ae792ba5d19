"""Convert the words' masks to formats of other tools: COCO, labels, boxes, segmenter prompts.

Masks and boxes are those of :mod:`tam.explanation.strength`, at the size of the picture.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tam.errors import InputError, SetupError
from tam.explanation.explanation import Explanation
from tam.explanation.strength import box_around
from tam.explanation.word import Word
from tam.text.printable import printable

Mask = NDArray[np.bool_]
Document = dict[str, Any]

_MOST_LABELS: Final = 254


@dataclass(frozen=True, eq=False)
class Segment:
    """The mask of a word in one frame of a picture or clip.

    Parameters
    ----------
    word
        The word.
    media, frame
        Index of the picture or clip, and of its frame.
    mask
        bool [H, W], not empty.
    box
        x0, y0, x1, y1 of the box around the mask, in pixels.
    """

    word: Word
    media: int
    frame: int
    mask: Mask
    box: tuple[int, int, int, int]

    @property
    def label(self) -> str:
        """The category, which is the word's text."""
        return label_of(self.word)


def label_of(word: Word) -> str:
    """Return the category of a word: its text in lower case, on one line."""
    return " ".join(printable(word.text).lower().split())


def segments(
    explanation: Explanation,
    words: Sequence[Word],
    media: int | None = None,
    frame: int | None = None,
    threshold: float | str = "otsu",
) -> Iterator[Segment]:
    """Yield the masks of some words, frame by frame, skipping empty and unknown ones.

    Parameters
    ----------
    media, frame
        Index of the only picture or clip, and of its frame; None for all.
    threshold
        As in :func:`tam.explanation.strength.mask`.
    """
    for index in range(len(explanation.media)) if media is None else (media,):
        count = len(explanation.item(index, frame).frames)
        for at in range(count) if frame is None else (frame,):
            for word in words:
                mask = word.mask(index, at, threshold)
                box = None if mask is None else box_around(mask)
                if mask is not None and box is not None:
                    yield Segment(word, index, at, mask, box)


def coco(explanation: Explanation, found: Iterable[Segment], words: Sequence[Word]) -> Document:
    """Return COCO's object detection format, with masks run-length encoded by pycocotools.

    Each frame is an image. ``score`` is the maximum of the word's map in the frame; ``area`` is in
    pixels.

    Raises
    ------
    SetupError
        If pycocotools is not installed.
    """
    try:
        from pycocotools import mask as runs
    except ImportError as error:
        raise SetupError(
            "pycocotools is not installed", where="masks", remedy="pip install pycocotools"
        ) from error
    frames = [(m, f) for m, item in enumerate(explanation.media) for f in range(len(item.frames))]
    images = {place: number for number, place in enumerate(frames, 1)}
    labels = {name: number for number, name in enumerate(label_names(words), 1)}
    annotations = []
    for number, segment in enumerate(found, 1):
        encoded = runs.encode(np.asfortranarray(segment.mask, np.uint8))
        x0, y0, x1, y1 = segment.box
        annotations.append(
            {
                "id": number,
                "image_id": images[segment.media, segment.frame],
                "category_id": labels[segment.label],
                "segmentation": {
                    "size": [int(side) for side in encoded["size"]],
                    "counts": encoded["counts"].decode("ascii"),
                },
                "area": int(segment.mask.sum()),
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "iscrowd": 0,
                "score": _height(segment),
            }
        )
    return {
        "images": [
            {"id": number, **_picture(explanation, media, frame)}
            for (media, frame), number in images.items()
        ],
        "categories": [{"id": number, "name": name} for name, number in labels.items()],
        "annotations": annotations,
    }


def boxes(explanation: Explanation, found: Iterable[Segment], words: Sequence[Word]) -> Document:
    """Return the boxes x0, y0, x1, y1 in pixels; x1 and y1 are exclusive."""
    del words
    return {
        "boxes": [
            {**_named(explanation, segment), "box": list(segment.box), "score": _height(segment)}
            for segment in found
        ]
    }


def points(explanation: Explanation, found: Iterable[Segment], words: Sequence[Word]) -> Document:
    """Return prompts for a segmenter such as SAM: points with labels 1 and 0, and a box.

    The two points with label 1 are the peak of the word's map and the pixel of the mask furthest
    from the mask's edge. The point with label 0 is the pixel furthest from the mask.
    """
    del words
    prompts = []
    for segment in found:
        inside = [_highest(segment), _furthest(segment.mask)]
        outside = [] if segment.mask.all() else [_furthest(~segment.mask)]
        prompts.append(
            {
                **_named(explanation, segment),
                "point_coords": [list(point) for point in (*inside, *outside)],
                "point_labels": [1] * len(inside) + [0] * len(outside),
                "box": list(segment.box),
            }
        )
    return {"prompts": prompts}


def labelme(explanation: Explanation, found: Iterable[Segment], words: Sequence[Word]) -> Document:
    """Return the outer contours of the masks in one picture as labelme polygons."""
    import cv2

    del words
    media, shapes = 0, []
    for number, segment in enumerate(found):
        media = segment.media
        outlines, _ = cv2.findContours(
            segment.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
        )
        shapes += [
            {
                "label": segment.label,
                "points": outline[:, 0].astype(float).tolist(),
                "group_id": number,
                "shape_type": "polygon",
                "flags": {},
            }
            for outline in outlines
            if len(outline) > 2
        ]
    item = explanation.media[media]
    return {
        "version": "5.0.0",
        "flags": {},
        "shapes": shapes,
        "imagePath": item.name,
        "imageData": None,
        "imageHeight": item.height,
        "imageWidth": item.width,
    }


def labels(
    found: Iterable[Segment], words: Sequence[Word], shape: tuple[int, int]
) -> NDArray[np.uint8]:
    """Label each pixel with the number of its category, as in VOC's class masks; 0 for none.

    Where masks overlap, a pixel belongs to the word with the highest map.

    Parameters
    ----------
    found
        Segments of one frame.
    words
        The words, whose categories are numbered.
    shape
        Height and width of the frame.

    Raises
    ------
    InputError
        If there are more than 254 categories: 255 means "not known" in VOC.
    """
    numbers = {name: number for number, name in enumerate(label_names(words), 1)}
    if len(numbers) > _MOST_LABELS:
        raise InputError(
            f"{len(numbers)} categories do not fit into a picture of labels",
            where="masks",
            remedy=f"name at most {_MOST_LABELS} words with --word",
        )
    label = np.zeros(shape, np.uint8)
    best = np.full(shape, -1, np.float32)
    for segment in found:
        heat = _heat(segment)
        taken = segment.mask & (heat > best)
        label[taken], best[taken] = numbers[segment.label], heat[taken]
    return label


def label_names(words: Sequence[Word]) -> list[str]:
    """Return the distinct categories of some words, in order; their numbers start at 1."""
    return list(dict.fromkeys(label_of(word) for word in words))


DOCUMENTS: Final[dict[str, Callable[..., Document]]] = {
    "coco": coco,
    "boxes": boxes,
    "points": points,
    "labelme": labelme,
}
"""The JSON formats: each is a function of the explanation, the segments and the words."""


def _heat(segment: Segment) -> NDArray[np.float32]:
    word = segment.word
    heat = word.explanation.picture_map(word.cells(), segment.media, segment.frame)
    return np.where(segment.mask, heat, np.float32(-1))


def _height(segment: Segment) -> float:
    return round(float(_heat(segment).max()), 6)


def _highest(segment: Segment) -> tuple[int, int]:
    y, x = divmod(int(_heat(segment).argmax()), segment.mask.shape[1])
    return x, y


def _furthest(mask: Mask) -> tuple[int, int]:
    """Return x, y of the pixel of a mask that is furthest from the mask's outside."""
    import cv2

    distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    y, x = divmod(int(distance.argmax()), mask.shape[1])
    return x, y


def _picture(explanation: Explanation, media: int, frame: int) -> Document:
    item = explanation.media[media]
    place = (
        {"frame": frame, "seconds": float(item.times[frame]) if item.axis.is_time else None}
        if len(item.frames) > 1
        else {}
    )
    return {"file_name": item.name, "width": item.width, "height": item.height, **place}


def _named(explanation: Explanation, segment: Segment) -> Document:
    return {
        "word": segment.label,
        "index": segment.word.index,
        "media": segment.media,
        "frame": segment.frame,
        **_picture(explanation, segment.media, segment.frame),
    }
