"""All frames of all pictures and clips stacked into one picture, for the measures."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tam.evaluate.faithfulness import Frames
from tam.explanation.word import Word
from tam.media.media import Media


def stacked_frames(media: Sequence[Media]) -> Frames:
    """Stack all frames of all pictures and clips, of one width, vertically: uint8 [1, H, W, 3]."""
    rows = [frame for item in media for frame in item.frames]
    return np.asarray(np.concatenate(rows)[None], np.uint8)


def unstacked(frames: Frames, media: Sequence[Media]) -> list[Media]:
    """Split the result of :func:`stacked_frames` into pictures and clips again."""
    edited = []
    first = 0
    for item in media:
        last = first + len(item.frames) * item.height
        cut = np.ascontiguousarray(frames[0, first:last].reshape(item.frames.shape))
        edited.append(replace(item, frames=cut))
        first = last
    return edited


def stacked_map(word: Word) -> NDArray[np.float32]:
    """Stack the word's maps over all frames of all media vertically: float32 [H, W]."""
    return np.concatenate(
        [
            word.map(media, frame)
            for media, item in enumerate(word.explanation.media)
            for frame in range(len(item.frames))
        ]
    )
