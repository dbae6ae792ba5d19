"""The regions that a reply's words mark, weighted by what each word loses without them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tam.check.fillers import check_filler
from tam.check.reading import BATCH, read_without
from tam.check.regions import Region, grown
from tam.explanation.explanation import Explanation
from tam.geometry.cell_colors import pixels_of
from tam.methods.options import check_not_negative, check_whole
from tam.methods.result import Targets, explained, resolve_targets
from tam.methods.tam_plus import tam_plus
from tam.methods.word_regions import PART, holds, word_regions
from tam.recording.trace import Trace
from tam.replay import Replay

PLACE = 0.05
"""The height of the word's own map where the word loses nothing."""


def tam_cause(
    trace: Trace,
    replay: Replay,
    targets: Targets = None,
    *,
    regions: int = 32,
    filler: str = "inpaint",
    growth: float = 0.03,
    batch: int = BATCH,
) -> Explanation:
    """Hide each region that a word of the reply marks, and score it by what a word loses.

    The maps of ``tam-plus`` (:mod:`tam.methods.tam_plus`) show where the things are that the
    reply's words name, but say little about what made the model write a word. So each region that
    a content word marks (:mod:`tam.methods.word_regions`) is hidden, and the same reply is read
    again. With p the probability of a token and p_r that without region r, the map is

    ``max(max_r relu(1 - p_r / p) C_r, 0.05 T / max T)``

    with C_r the share of each cell's pixels that lies in the region, and T the map of ``tam-plus``.
    A region does not count for a token that loses at least half as much without a smaller region
    inside it. A smaller region inside is cut out of it if the token loses less than a tenth as much
    without that one. A height is the share of the token's probability that is lost with the region,
    so maps of different words are comparable; a word without a cause keeps its own map at a
    twentieth of the height. Parts of the picture that no word marks are never hidden. Maps [K, N]
    of the reply's words; prompt words have no probability. Cost: that of ``tam-plus``, plus a
    forward pass for each region, for all words together; no backward pass.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    regions
        The largest number of regions; those that most words mark are kept.
    filler
        The replacement of hidden pixels, see :mod:`tam.check.fillers`.
    growth
        How far beyond its edge a region is hidden, as a share of the picture's shorter side.
    batch
        The largest number of passes that run together, if memory allows.
    """
    check_filler(filler)
    check_whole("regions", regions)
    check_whole("batch", batch)
    check_not_negative("growth", growth)
    asked = resolve_targets(trace, targets, prompt=False)
    plain = tam_plus(trace, replay)
    found, dropped = word_regions(plain, regions)
    read = read_without(replay, [grown(region, growth) for region in found], filler, batch)
    steps = [target - trace.text.prompt_targets for target in asked]
    lost = np.maximum(1 - np.exp(np.minimum(read[1:, steps] - read[:1, steps], 0)), 0)
    evidence = places(plain.maps[asked])
    for index, losses in enumerate(alone(found, lost)):
        shown = losses[:, None] * without_idle(trace, found, lost, index)
        np.maximum(evidence, shown, out=evidence)
    method = {
        "name": "tam-cause",
        "regions": len(found),
        "regions_left_out": dropped,
        "filler": filler,
        "growth": growth,
    }
    return explained(trace, asked, evidence, method, scale=False)


def alone(regions: Sequence[Region], lost: NDArray[np.float32]) -> NDArray[np.float32]:
    """Zero the losses [G, T] that a smaller region inside explains by half or more."""
    kept = lost.copy()
    for index, region in enumerate(regions):
        inside = [i for i, other in enumerate(regions) if i != index and holds(region, other)]
        explained_by = lost[inside].max(0, initial=0)
        kept[index, explained_by >= lost[index] / 2] = 0
    return kept


def without_idle(
    trace: Trace, regions: Sequence[Region], lost: NDArray[np.float32], index: int
) -> NDArray[np.float32]:
    """Return a region's cells for each token, less idle regions inside it; float32 [T, N].

    A smaller region is idle if the token loses less without it than a tenth of what it loses
    without the whole one, provided that a good part of the whole one remains.
    """
    region = regions[index]
    shown = np.tile(covered(trace, region), (lost.shape[1], 1))
    for other, losses in zip(regions, lost, strict=True):
        left = region.mask & ~other.mask
        if other is not region and holds(region, other) and left.sum() >= PART * region.mask.sum():
            idle = losses < lost[index] / 10
            rest = covered(trace, Region(region.media, left))
            shown[idle] = np.minimum(shown[idle], rest)
    return shown


def places(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale the maximum of maps [T, N] to the height of a place; zero maps stay zero."""
    top = maps.max(1, keepdims=True)
    return np.asarray(PLACE * maps / np.where(top > 0, top, 1), np.float32)


def covered(trace: Trace, region: Region) -> NDArray[np.float32]:
    """Return the share of each cell's pixels inside a region, mean over its frames; float32 [N]."""
    shares: list[float] = []
    for grid in trace.vision.grids:
        for start, stop in grid.spans.tolist():
            if grid.media != region.media:
                shares += [0.0] * len(grid.boxes)
                continue
            inside = region.mask[start:stop].mean(0)
            for box in grid.boxes:
                own = inside[pixels_of(box, trace.media[grid.media])]
                shares.append(float(own.mean()) if own.size else 0.0)
    return np.array(shares, np.float32)
