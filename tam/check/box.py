"""The reply read without a region of a picture that the user names."""

from dataclasses import dataclass

import numpy as np

from tam.check.fillers import check_filler, hiding
from tam.check.reading import read_without
from tam.check.rebuilding import rebuilt
from tam.check.regions import Region
from tam.defaults import FILLER, MAX_NEW_TOKENS
from tam.errors import InputError
from tam.explanation.explanation import Explanation
from tam.explanation.word import Loss
from tam.families.checkpoint import Checkpoint
from tam.geometry.layout import Box
from tam.recording.running import run
from tam.replay.replay import with_media

__all__ = ["Without", "without"]


@dataclass(frozen=True, eq=False)
class Without:
    """The losses of a reply's words without a region of the picture.

    Parameters
    ----------
    losses
        The loss of each of the reply's words.
    reply
        The model's new reply without the region; None if it was not requested.
    """

    losses: tuple[Loss, ...]
    reply: str | None = None


def without(
    checkpoint: Checkpoint,
    explanation: Explanation,
    box: Box,
    *,
    media: int = 0,
    frame: int | None = None,
    filler: str = FILLER,
    reply: bool = False,
) -> Without:
    """Hide a region of a picture, and measure what each word of the reply loses.

    Cost: three passes over prompt and reply, and with ``reply`` the generation of a new reply.

    Parameters
    ----------
    checkpoint
        The model that was explained.
    explanation
        Its explanation, new or opened from a file.
    box
        x0, y0, x1, y1 in pixels of the picture: the pixels whose centre lies in it are hidden.
    media, frame
        Index of the picture or clip, and of its frame; None for all frames.
    filler
        The replacement of the hidden pixels, see :mod:`tam.check.fillers`.
    reply
        Also let the model answer again without the region.

    Raises
    ------
    InputError
        If the box contains no pixel of the picture, or another model was explained.
    """
    check_filler(filler)
    region = _region(explanation, box, media, frame)
    replay = rebuilt(checkpoint, explanation)
    before, hidden = read_without(replay, [region], filler)
    first = explanation.prompt_targets
    losses = []
    for word in explanation.words:
        steps = [target - first for target in word.targets]
        losses.append(Loss(word, float(before[steps].sum()), float(hidden[steps].sum())))
    if not reply:
        return Without(tuple(losses))
    shown = list(explanation.media)
    shown[media] = hiding(shown[media], filler)(region.mask)
    prepared = replay.recording.prepared
    answered = run(
        checkpoint,
        with_media(prepared.conversation, shown),
        template_variables=prepared.template_variables,
        max_new_tokens=MAX_NEW_TOKENS,
    )
    text = answered.trace.text
    return Without(tuple(losses), "".join(t.text for t in text.tokens[text.prompt_targets :]))


def _region(explanation: Explanation, box: Box, media: int, frame: int | None) -> Region:
    item = explanation.item(media, frame)
    x0, y0, x1, y1 = box
    y, x = np.arange(item.height) + 0.5, np.arange(item.width) + 0.5
    inside = ((y > y0) & (y < y1))[:, None] & ((x > x0) & (x < x1))[None]
    if not inside.any():
        raise InputError(
            f"the box {box} holds no pixel of the picture",
            where="without",
            remedy=f"give x0 < x1 and y0 < y1 within {item.width} × {item.height} pixels",
        )
    mask = np.zeros(item.frames.shape[:3], bool)
    mask[slice(None) if frame is None else frame] = inside
    return Region(media, mask)
