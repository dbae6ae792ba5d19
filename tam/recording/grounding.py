"""Word grounding: whether the picture supports a word that the model wrote or was given to read.

The score weighs two things that a recorded run knows, without running anything again:

- *seen*: the last states of the vision cells are read through the LM head, as the method itself
  does, and turned into probabilities among the tokens in play (the reply's own and all of their
  candidates). A word's evidence is its highest log-probability over the cells. *seen* is how far
  that falls short of the evidence of the word's first rival, the likeliest other token of its step;
  0 where it does not fall short. A cell that shows a circle speaks for "circle" and against
  "square"; words that no cell can show, such as "left", have rivals that no cell can show either.
- *said*: the log-probability with which the model wrote the word, or would have.

Both go through a logistic function whose weights were fitted on scenes with planted false words, of
a split that no measurement uses: ``python -m benchmarks.grounding --fit``. A score below one half
means that the word is more likely planted than true, at one planted word in a dozen.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from tam.text.function_words import is_content

if TYPE_CHECKING:
    from tam.recording.trace import Trace

WEIGHTS: tuple[float, float, float] = (1.33, 0.395, 5.48)
"""Weights of *seen* and *said*, and the constant.

They were fitted on an earlier pair of small models and kept: planted words are improbable, which a
model's own inventions are not, and a fit on a better model relies on that more. A fit on today's
models (1.59, 1.76, 16.33) tells planted words still better, but a confident word that no cell shows
would pass it.
"""

LEAST = -8.0
"""The lowest value of either; below it a model's log-probabilities are not reliable."""


def grounding(trace: "Trace") -> NDArray[np.float32]:
    """Score each word of a reply.

    Costs one product of the N cells' states with the head's rows of the tokens in play, nine for
    each of the R tokens at most.

    Parameters
    ----------
    trace
        The recorded run.

    Returns
    -------
    float32 [R] in [0, 1], at the first token of each word. NaN at the others, and for words that
    name nothing: marks, numbers in figures, and the closed classes of English. Function words of
    other languages are scored too, but their scores mean nothing.
    """
    features = evidence_of_words(trace)
    seen, said, constant = WEIGHTS
    return (1 / (1 + np.exp(-(features @ (seen, said) + constant)))).astype(np.float32)


def evidence_of_words(trace: "Trace") -> NDArray[np.float64]:
    """Give *seen* and *said*, which the score weighs: float64 [R, 2] in [``LEAST``, 0], or NaN."""
    first = trace.text.prompt_targets
    steps, own = trace.predictions, trace.text.ids[first:].tolist()
    in_play = sorted({*own, *(c.id for step in steps for c in step.candidates)})
    place = {token: column for column, token in enumerate(in_play)}
    best = _log_probabilities(trace, in_play).amax(0).tolist()
    found = np.full((len(own), 2), np.nan)
    for index in _first_tokens(trace):
        rivals = [c.id for c in steps[index].candidates if c.id != own[index]]
        if not rivals:
            continue
        seen = best[place[own[index]]] - best[place[rivals[0]]]
        said = math.log(max(steps[index].probability, 1e-30))
        found[index] = np.clip([seen, said], LEAST, 0)
    return found


def _log_probabilities(trace: "Trace", tokens: list[int]) -> torch.Tensor:
    """float32 [N, T]: log-probabilities of some tokens among themselves, at each cell."""
    return trace.lm_head.scores(torch.tensor(tokens), trace.vision_states).log_softmax(1)


def _first_tokens(trace: "Trace") -> list[int]:
    """Indices into the reply of the first token of each content word."""
    first = trace.text.prompt_targets
    words: dict[int, list[int]] = {}
    for index, token in enumerate(trace.text.tokens[first:]):
        if token.word >= 0:
            words.setdefault(token.word, []).append(index)
    reply = trace.text.tokens[first:]
    return [
        group[0]
        for group in words.values()
        if is_content("".join(reply[index].text for index in group).strip())
    ]
