"""Pictures and clips for the layout probe."""

import numpy as np

from tam.media.media import Media


def probe_picture(height: int, width: int, *, seed: int = 0) -> Media:
    """Return a picture of faint noise around middle grey, without two equal parts."""
    return _noise((1, height, width, 3), "image", seed)


def probe_clip(frames: int, height: int, width: int, *, seed: int = 0) -> Media:
    """Return a clip of such noise, with two frames per second."""
    return _noise((frames, height, width, 3), "video", seed)


def _noise(shape: tuple[int, int, int, int], kind: str, seed: int) -> Media:
    frames = np.random.default_rng(seed).integers(96, 160, shape, dtype=np.uint8)
    name = f"probe {shape[2]} × {shape[1]}"
    return Media(frames=frames, times=np.arange(shape[0]) / 2, name=name, kind=kind)
