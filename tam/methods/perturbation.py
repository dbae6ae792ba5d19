"""Perturbation: cover regions of the pictures, and measure what each word loses."""

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
        The frames ``start <= frame < stop``.
    mask
        bool [H, W]: the covered pixels.
    """

    media: int
    start: int
    stop: int
    mask: NDArray[np.bool_]


def drops(replay: Replay, regions: Sequence[Region], batch: int) -> NDArray[np.float32]:
    """Return the log-probability that each word loses per covered region, float32 [R, G].

    A region without pixels has 0.
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


def shown_alone(
    replay: Replay, regions: Sequence[Region], shown: NDArray[np.bool_], batch: int
) -> NDArray[np.float32]:
    """Read the reply with only some regions shown, all else covered by the pictures' mean colors.

    Parameters
    ----------
    regions
        G regions.
    shown
        bool [V, G]: which regions each of V versions shows.

    Returns
    -------
    float32 [V, R]: the log-probability of each of the reply's R tokens.
    """
    media = replay.trace.media
    blank = [_blank(item) for item in media]

    def edited() -> Iterator[Sequence[Media]]:
        for row in shown:
            frames = [item.copy() for item in blank]
            for index in np.flatnonzero(row).tolist():
                region = regions[int(index)]
                part = slice(region.start, region.stop)
                frames[region.media][part, region.mask] = media[region.media].frames[
                    part, region.mask
                ]
            yield [replace(item, frames=new) for item, new in zip(media, frames, strict=True)]

    return replay.log_probabilities(edited(), batch=batch)


def _covered(media: Media, region: Region) -> Media:
    frames = media.frames.copy()
    part = slice(region.start, region.stop)
    frames[part, region.mask] = _blank(media)[part, region.mask]
    return replace(media, frames=frames)


def _blank(media: Media) -> NDArray[np.uint8]:
    mean = media.frames.mean(axis=(0, 1, 2)).round().astype(np.uint8)
    return np.broadcast_to(mean, media.frames.shape).copy()
