"""Reading of the reply with regions of the pictures hidden, in batches that fit into memory."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from tam.capture.memory import memory_errors
from tam.check.fillers import hiding
from tam.check.regions import Region
from tam.errors import ResourceError
from tam.media.media import Media
from tam.progress import progress
from tam.replay import Replay

BATCH = 16
"""The largest number of versions of the pictures in one forward pass."""


def read_without(
    replay: Replay, regions: Sequence[Region], filler: str, batch: int = BATCH
) -> NDArray[np.float32]:
    """Read the reply with the whole pictures, and without each region in turn.

    Parameters
    ----------
    replay
        The replay of the conversation.
    regions
        The G regions to hide.
    filler
        The replacement of the hidden pixels, see :mod:`tam.check.fillers`.
    batch
        The largest number of versions read at once; fewer if memory runs out.

    Returns
    -------
    float32 [1 + G, R]: the log-probability of each of the reply's R tokens.
    """
    with progress("Hiding", 1 + len(regions)) as tick:
        found: list[NDArray[np.float32]] = []
        waiting = _edited(replay.trace.media, regions, filler)
        while part := list(islice(waiting, batch)):
            try:
                with memory_errors():
                    found.append(replay.log_probabilities(part, batch=len(part)))
            except ResourceError:
                if batch == 1:
                    raise
                batch = max(1, batch // 2)
                waiting = chain(part, waiting)
                continue
            for _ in part:
                tick()
    return np.concatenate(found)


def _edited(
    media: Sequence[Media], regions: Iterable[Region], filler: str
) -> Iterator[Sequence[Media]]:
    hide = [hiding(item, filler) for item in media]
    yield media
    for region in regions:
        edited = list(media)
        edited[region.media] = hide[region.media](region.mask)
        yield edited
