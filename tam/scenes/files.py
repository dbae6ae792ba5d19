"""Writing drawn scenes to files that are marked as such."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tam.files.png import encode_png
from tam.media.media import SCENE_MARK


def write_scene(image: NDArray[np.uint8], path: Path) -> Path:
    """Write a drawn picture, uint8 [H, W, 3], as a PNG with the scene generator's mark.

    The mark tells the toolkit that a model made for drawn scenes is shown one of them.
    """
    path.write_bytes(encode_png(image, comment=SCENE_MARK))
    return path
