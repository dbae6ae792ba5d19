"""Which colour word a painted surface shows, judged apart from the code that paints."""

import numpy as np

from tam.scenes.world import COLORS


def nearest_color(mean):
    """The colour word of a mean colour, whatever the light."""
    lights = np.linspace(0.65, 1.25, 25)[:, None, None]
    palette = np.array(list(COLORS.values()), float)
    distance = ((lights * palette - mean) ** 2).sum(axis=2).min(axis=0)
    return list(COLORS)[int(np.argmin(distance))]
