"""Color maps for values in [0, 1].

Each color map interpolates linearly between evenly spaced anchor colors, so that the report's
script draws exactly the same colors as the PNG files. ``inferno`` and ``viridis`` are
perceptually uniform and readable with all common forms of color blindness; ``turbo`` is a
smoother rainbow; ``jet`` is included for comparison with the paper's figures.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tam.defaults import COLORS
from tam.errors import InputError

DEFAULT_COLORS: Final = COLORS

# The size of the color table: no color is off by more than a quarter of a level.
_STEPS = 2049

COLOR_ANCHORS: Final[dict[str, tuple[str, ...]]] = {
    "inferno": tuple(
        """
        000004 040312 0b0724 150b37 210c4a 2f0a5b 3d0965 4a0c6b 57106e 64156e 71196e 7d1e6d
        8a226a 972766 a32c61 b0315b bc3754 c73e4c d24644 db503b e45a31 eb6628 f1731d f68013
        f98e09 fb9d07 fcac11 fbbc21 f9cb35 f5db4c f2ea69 f3f68a fcffa4
        """.split()
    ),
    "viridis": tuple(
        """
        440154 470d60 48186a 482374 472d7b 453781 424086 3e4989 3b528b 375b8d 33638d 2f6b8e
        2c728e 297a8e 26828e 23898e 21918c 1f988b 1fa088 22a785 28ae80 32b67a 3fbc73 4ec36b
        5ec962 70cf57 84d44b 98d83e addc30 c2df23 d8e219 ece51b fde725
        """.split()
    ),
    "turbo": tuple(
        """
        30123b 392a73 4040a2 4456c7 466be3 4680f6 4294ff 37a8fa 28bceb 1ccdd8 18ddc2 1fe9af
        32f298 4ef97d 6dfe62 8bff4b a4fc3c b9f635 cdec34 dfdf37 eecf3a f8be39 fdac34 fe962b
        fb7e21 f46617 eb500e df3f08 d02f05 be2102 a91601 920b01 7a0403
        """.split()
    ),
    "jet": tuple("000080 0000ff 0080ff 00ffff 80ff80 ffff00 ff8000 ff0000 800000".split()),
}
"""Anchor colors of each map as hexadecimal RGB, from value 0 to value 1."""


def color(values: NDArray[np.float32], colors: str = DEFAULT_COLORS) -> NDArray[np.float32]:
    """Return the color of every value.

    Parameters
    ----------
    values
        float32 [...] in [0, 1]; values outside get the color of the nearest end.
    colors
        Name of the color map, a key of :data:`COLOR_ANCHORS`.

    Returns
    -------
    float32 [..., 3], RGB from 0 to 255.

    Raises
    ------
    InputError
        If the color map is unknown.
    """
    if colors not in COLOR_ANCHORS:
        raise InputError(
            f"unknown color map {colors!r}",
            where="colors",
            remedy=f"use one of {', '.join(COLOR_ANCHORS)}",
        )
    place = np.rint(np.clip(values, 0, 1) * np.float32(_STEPS - 1)).astype(np.intp)
    mixed: NDArray[np.float32] = _table(colors)[place]
    return mixed


@cache
def _table(colors: str) -> NDArray[np.float32]:
    """float32 [_STEPS, 3]: the colors of evenly spaced values."""
    anchors = np.array([list(bytes.fromhex(anchor)) for anchor in COLOR_ANCHORS[colors]])
    places, at = np.linspace(0, 1, len(anchors)), np.linspace(0, 1, _STEPS)
    channels = [np.interp(at, places, anchors[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=1).astype(np.float32)
