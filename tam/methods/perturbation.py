"""Perturbation: regions of pictures are covered, and the words' losses measured."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tam.media.media import Media
from tam.replay import Replay


@dataclass(frozen=True, eq=False)
class Region:
    """Pixels of some frames of one picture or clip.

    Parameters
    ----------
    media
        Index of the picture or clip.
    start, stop
        Its frames ``start <= frame < stop``.
    mask
        bool [H, W]: the covered pixels.
    """

    media: int
    start: int
    stop: int
    mask: NDArray[np.bool_]


def drops(replay: Replay, regions: Sequence[Region], batch: int) -> NDArray[np.float32]:
    """float32 [R, G]: the log-probability that each word loses when each region is covered.

    For a region without pixels it is 0.
    """
    shown = [index for index, region in enumerate(regions) if region.mask.any()]
    media = replay.trace.media

    def edited() -> Iterator[Sequence[Media]]:
        yield media
        for index in shown:
            region = regions[index]
            covered = list(media)
            covered[region.media] = _covered(media[region.media], region)
            yield covered

    found = replay.log_probabilities(edited(), batch=batch)
    lost = np.zeros((found.shape[1], len(regions)), np.float32)
    lost[:, shown] = (found[:1] - found[1:]).T
    return lost


def pixels_of(box: NDArray[np.float64], media: Media) -> tuple[slice, slice]:
    """Rows and columns of the pixels that a box touches; empty outside the picture."""
    left, top, right, bottom = box
    return (
        slice(*np.clip([np.floor(top), np.ceil(bottom)], 0, media.height).astype(int)),
        slice(*np.clip([np.floor(left), np.ceil(right)], 0, media.width).astype(int)),
    )


def _covered(media: Media, region: Region) -> Media:
    frames = media.frames.copy()
    mean = media.frames.mean(axis=(0, 1, 2)).round().astype(np.uint8)
    frames[region.start : region.stop, region.mask] = mean
    return replace(media, frames=frames)
