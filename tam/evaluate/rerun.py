"""Repeated runs of a model on edited pictures or with other weights, for measures."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tam.evaluate.faithfulness import Frames, Score
from tam.evaluate.stacking import unstacked
from tam.explanation.explanation import Word

if TYPE_CHECKING:
    from tam.model.model import Model
    from tam.replay import Replay


def word_score(replay: "Replay", word: Word) -> Score:
    """Bind a recorded run to one word of its reply.

    Parameters
    ----------
    replay
        The run.
    word
        A word of an explanation of it. Its log-probability is the sum over its tokens.

    Returns
    -------
    The score of edited frames, in which all pictures and clips are stacked as by
    :func:`tam.evaluate.stacking.stacked_frames`.
    """
    media = replay.trace.media
    own = [target - word.explanation.prompt_targets for target in word.targets]

    def score(versions: Sequence[Frames]) -> NDArray[np.float64]:
        edited = (unstacked(frames, media) for frames in versions)
        return np.asarray(replay.log_probabilities(edited)[:, own].sum(1), np.float64)

    return score


@contextmanager
def shuffled_weights(model: "Model", seed: int = 0) -> Iterator[None]:
    """Shuffle the values within each of the model's weight tensors while the block runs.

    Each tensor keeps its distribution, so activations stay in range, but loses what it learned.
    """
    import torch

    from tam.capture.access import exclusive

    generator = torch.Generator().manual_seed(seed)
    kept = [(parameter, parameter.detach().clone()) for parameter in model.module.parameters()]
    with exclusive(model.module):
        try:
            with torch.no_grad():
                for parameter, values in kept:
                    order = torch.randperm(values.numel(), generator=generator).to(values.device)
                    parameter.copy_(values.flatten()[order].reshape(values.shape))
            yield
        finally:
            with torch.no_grad():
                for parameter, values in kept:
                    parameter.copy_(values)
