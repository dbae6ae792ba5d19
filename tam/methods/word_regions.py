"""Regions that the words of a reply mark in the pictures, ideally one for each object."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from tam.check.regions import LARGEST, Region, marked
from tam.explanation.explanation import Explanation
from tam.text.function_words import is_content

Mask = NDArray[np.bool_]

SMALLEST = 0.002
"""Regions below this share of the picture are dropped."""
ALIKE = 0.75
"""Two regions with at least this intersection over union count as one."""
HELD = 0.6
"""A region holds another one if it covers this share of it."""

# The longer side, in pixels, of GrabCut's working copy, and the number of its iterations.
_SIDE, _ROUNDS = 256, 3
# GrabCut looks for a region's edge within this share of the longer side.
_REACH = 1 / 8
# A cut smaller than this share of the marked part has lost its object.
_LEAST = 0.2
# A held region is at least the first share of its holder; two regions lie apart if they have less
# than the second share of the smaller one in common.
PART, _APART = 0.15, 0.3
_SLIVER = np.ones((3, 3), np.uint8)


def word_regions(explanation: Explanation, most: int) -> tuple[list[Region], int]:
    """Find the regions that the content words of a reply mark.

    Each connected part of a word's mask (over the frames of a clip too) is brought to the picture's
    edges by :func:`cut`. Similar regions are merged into one. A region that holds two others lying
    apart is left out, because hiding it would hide both at once. The remainder of a region that
    holds another one becomes a region too.

    Parameters
    ----------
    explanation
        Maps of the reply's words.
    most
        The largest number of regions; those that most words mark are kept.

    Returns
    -------
    The regions, and how many more there were.
    """
    found: list[Region] = []
    votes: list[int] = []
    for region in _proposed(explanation):
        same = next((i for i, other in enumerate(found) if _alike(region, other)), None)
        if same is None:
            found.append(region)
            votes.append(1)
        else:
            votes[same] += 1
    marked_by_words = len(found)
    for remainder in list(_remainders(found)):
        if not any(_alike(remainder, other) for other in found):
            found.append(remainder)
            votes.append(1)
    kept = [i for i, region in enumerate(found) if not _holds_two(region, found[:marked_by_words])]
    best = sorted(sorted(kept, key=lambda i: -votes[i])[:most])
    return [found[i] for i in best], len(kept) - len(best)


def cut(picture: NDArray[np.uint8], mask: Mask, others: Mask | None = None) -> Mask:
    """Bring a mask to the edges of what it marks, by GrabCut.

    Source: Rother et al. 2004, doi 10.1145/1015706.1015720, in OpenCV. The mask is the probable
    foreground, its surroundings the probable background, and all else certain background.

    Parameters
    ----------
    picture
        uint8 [H, W, 3].
    mask
        bool [H, W].
    others
        bool [H, W]: the pixels of other marks, which are certain background.

    Returns
    -------
    bool [H, W]; the mask itself if the cut loses it or covers most of the picture.
    """
    size = mask.shape
    shrunk = min(1.0, _SIDE / max(size))
    width, height = (max(1, round(shrunk * side)) for side in (size[1], size[0]))
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    inside = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_AREA)
    reach = max(1, round(_REACH * max(width, height)))
    around = cv2.dilate(inside, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    marks = np.full((height, width), cv2.GC_BGD, np.uint8)
    marks[around > 0] = cv2.GC_PR_BGD
    if others is not None:
        marks[cv2.resize(others.astype(np.uint8), (width, height)) > 0] = cv2.GC_BGD
    marks[inside > 0] = cv2.GC_PR_FGD
    if not (inside > 0).any() or (inside > 0).all():
        return mask
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(small, marks, (0, 0, 0, 0), *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    whole = cv2.resize(
        np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8),
        (size[1], size[0]),
        interpolation=cv2.INTER_NEAREST,
    )
    found: Mask = whole > 0
    return found if _LEAST * mask.sum() <= found.sum() <= LARGEST * mask.size else mask


def _proposed(explanation: Explanation) -> Iterator[Region]:
    """Yield connected parts of the content words' masks, brought to the picture's edges."""
    marks = list(_marks(explanation))
    for mark in marks:
        apart = [other.mask for other in marks if _apart(mark, other)]
        others = np.logical_or.reduce([np.zeros_like(mark.mask), *apart]) & ~mark.mask
        frames = explanation.media[mark.media].frames
        edged = [
            cut(np.ascontiguousarray(picture), own, rest) if own.any() else own
            for picture, own, rest in zip(frames, mark.mask, others, strict=True)
        ]
        for piece in _parts(np.stack(edged)):
            yield Region(mark.media, piece)


def _marks(explanation: Explanation) -> Iterator[Region]:
    """Yield connected parts of the content words' masks, except those similar to earlier ones."""
    seen: list[Region] = []
    for word in explanation.words:
        region = marked(word) if is_content(word.text) else None
        if region is None:
            continue
        for part in _parts(region.mask):
            mark = Region(region.media, part)
            if part.mean() <= LARGEST and not any(_alike(mark, other) for other in seen):
                seen.append(mark)
                yield mark


def _parts(mask: Mask) -> Iterator[Mask]:
    marks, count = label(mask, np.ones((3, 3, 3)))
    sizes = np.bincount(marks.ravel(), minlength=count + 1)[1:]
    for index in range(count):
        if sizes[index] >= SMALLEST * mask.size / len(mask):
            yield marks == index + 1


def _alike(one: Region, other: Region) -> bool:
    if one.media != other.media:
        return False
    both = int((one.mask & other.mask).sum())
    return both >= ALIKE * (int(one.mask.sum()) + int(other.mask.sum()) - both)


def holds(region: Region, other: Region) -> bool:
    """Whether a region covers a smaller one that is not too small a part of it."""
    size, part = int(region.mask.sum()), int(other.mask.sum())
    return (
        other.media == region.media
        and PART * size <= part < size
        and int((region.mask & other.mask).sum()) >= HELD * part
    )


def _remainders(regions: Sequence[Region]) -> Iterator[Region]:
    """Yield the remainder of each region outside those that it holds, without slivers."""
    for region in regions:
        held = [other.mask for other in regions if other is not region and holds(region, other)]
        if not held:
            continue
        left = region.mask & ~np.logical_or.reduce(held)
        opened = [cv2.morphologyEx(f.astype(np.uint8), cv2.MORPH_OPEN, _SLIVER) > 0 for f in left]
        for part in _parts(np.stack(opened)):
            if part.sum() >= PART * region.mask.sum():
                yield Region(region.media, part)


def _holds_two(region: Region, others: Sequence[Region]) -> bool:
    """Whether a region holds two others that lie apart."""
    held = [other for other in others if other is not region and holds(region, other)]
    return any(_apart(one, other) for index, one in enumerate(held) for other in held[index + 1 :])


def _apart(one: Region, other: Region) -> bool:
    """Whether the overlap of two regions of a picture is a small part of the smaller one."""
    both = int((one.mask & other.mask).sum())
    smaller = min(int(one.mask.sum()), int(other.mask.sum()))
    return one.media == other.media and both < _APART * smaller
