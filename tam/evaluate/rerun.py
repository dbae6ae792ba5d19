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
    read = token_scores(replay, [word.targets])
    return lambda versions: read(versions)[:, 0]


def token_scores(replay: "Replay", words: Sequence[Sequence[int]]) -> Score:
    """Bind a recorded run to several words of its reply, each given by its W targets.

    Returns
    -------
    A function as in :func:`word_score` that returns the log-probability of each word, [B, W].
    """
    media, first = replay.trace.media, replay.trace.text.prompt_targets
    steps = [[target - first for target in targets] for targets in words]

    def score(versions: Sequence[Frames]) -> NDArray[np.float64]:
        edited = (unstacked(frames, media) for frames in versions)
        read = replay.log_probabilities(edited).astype(np.float64)
        return np.stack([read[:, own].sum(1) for own in steps], axis=1)

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
