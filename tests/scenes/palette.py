"""The color word of a painted surface, determined independently of the code that paints."""

import numpy as np

from tam.scenes.world import COLORS


def nearest_color(mean):
    """Return the color word of a mean color, regardless of brightness."""
    lights = np.linspace(0.65, 1.25, 25)[:, None, None]
    palette = np.array(list(COLORS.values()), float)
    distance = ((lights * palette - mean) ** 2).sum(axis=2).min(axis=0)
    return list(COLORS)[int(np.argmin(distance))]
