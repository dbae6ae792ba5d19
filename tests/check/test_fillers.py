"""What takes the place of hidden pixels."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tam.check.fillers import FILLERS, hiding
from tam.errors import InputError
from tests.hand_made import clip, picture


@pytest.mark.parametrize("filler", FILLERS)
def test_only_hidden_pixels_change(filler: str) -> None:
    media = clip(3)
    mask = np.zeros(media.frames.shape[:3], bool)
    mask[1, 10:20, 10:30] = True
    kept = media.frames.copy()
    hidden = hiding(media, filler)(mask)
    assert np.array_equal(hidden.frames[~mask], media.frames[~mask])
    assert not np.array_equal(hidden.frames[mask], media.frames[mask])
    assert np.array_equal(media.frames, kept)
    assert (hidden.name, hidden.kind) == (media.name, media.kind)


def test_the_mean_and_the_continued_picture_are_what_they_say() -> None:
    media = picture()
    plain = replace(media, frames=np.full_like(media.frames, 60))
    plain.frames[0, 20:30, 20:30] = 200
    mask = plain.frames[..., 0] == 200
    mean = np.uint8(plain.frames[..., 0].mean() + 0.5)
    assert np.unique(hiding(plain, "mean")(mask).frames[mask]) == [mean]
    continued = hiding(plain, "inpaint")(mask).frames.astype(int)
    assert np.abs(continued - 60).max() <= 2
    theirs = cv2.inpaint(media.frames[0], mask[0].astype(np.uint8), 3, cv2.INPAINT_TELEA)
    assert np.array_equal(hiding(media, "inpaint")(mask).frames[0], theirs)


def test_another_filler_is_refused() -> None:
    with pytest.raises(InputError, match="unknown filler 'grey'; use one of blur"):
        hiding(picture(), "grey")
