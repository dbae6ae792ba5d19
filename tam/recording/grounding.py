"""Word grounding: whether the picture supports a word that the model wrote or was given to read.

The score combines two quantities that a recorded run already holds, without another forward pass:

- *seen*: the LM head reads the last hidden states of the vision cells, as in the method itself, and
  a softmax turns the scores into probabilities among the relevant tokens (those of the reply and
  all of their candidates). A word's evidence is its highest log-probability over the cells. *seen*
  is the word's evidence minus that of its first rival, the most probable other token of its step,
  clipped at 0. A cell that shows a circle supports "circle" over "square"; words that no cell can
  show, such as "left", have rivals that no cell can show either.
- *said*: the log-probability that the model assigned to the word, whether it wrote it or read it.

A logistic function combines them. Its weights (:mod:`tam.explanation.calibration`) were fitted on
scenes with planted false words, from a split that no measurement uses: ``python -m
benchmarks.grounding --fit``. A score below one half means that the word is more likely planted than
true if one word in twelve is planted. For the photo model they were fitted on words that it
invented itself; there, a score below one half means that the word is more likely false than true.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from tam.explanation.calibration import CALIBRATED, PLANTED, Weights
from tam.text.function_words import is_content

if TYPE_CHECKING:
    from tam.recording.trace import Trace

LEAST = -8.0
"""The lower bound of both; a model's log-probabilities below it are not reliable."""


def grounding(trace: "Trace") -> NDArray[np.float32]:
    """Score each word of a reply.

    The cost is one matrix product of the N cells' states with the head's rows of the relevant
    tokens, at most nine for each of the reply's R tokens.

    Parameters
    ----------
    trace
        The recorded run.

    Returns
    -------
    ndarray
        float32 [R] in [0, 1], at the first token of each word. NaN at the other tokens, and for
        words without content: punctuation, numbers in digits, and English function words. Function
        words of other languages are scored as well, but their scores are meaningless.
    """
    features = evidence_of_words(trace)
    seen, said, constant = weights_for(trace)
    return (1 / (1 + np.exp(-(features @ (seen, said) + constant)))).astype(np.float32)


def weights_for(trace: "Trace") -> Weights:
    """Return the weights that were fitted for the trace's model, or else for the small models."""
    return CALIBRATED.get(trace.provenance.get("model", ""), PLANTED)


def evidence_of_words(trace: "Trace") -> NDArray[np.float64]:
    """Return *seen* and *said* of each token: float64 [R, 2] in [``LEAST``, 0], or NaN."""
    first = trace.text.prompt_targets
    steps, own = trace.predictions, trace.text.ids[first:].tolist()
    relevant = sorted({*own, *(c.id for step in steps for c in step.candidates)})
    columns = {token: column for column, token in enumerate(relevant)}
    best = _log_probabilities(trace, relevant).amax(0).tolist()
    evidence = np.full((len(own), 2), np.nan)
    for index in _first_tokens(trace):
        rivals = [c.id for c in steps[index].candidates if c.id != own[index]]
        if not rivals:
            continue
        seen = best[columns[own[index]]] - best[columns[rivals[0]]]
        said = math.log(max(steps[index].probability, 1e-30))
        evidence[index] = np.clip([seen, said], LEAST, 0)
    return evidence


def _log_probabilities(trace: "Trace", tokens: list[int]) -> torch.Tensor:
    """Return the log-softmax over only the given tokens at each cell, float32 [N, T]."""
    return trace.lm_head.scores(torch.tensor(tokens), trace.vision_states).log_softmax(1)


def _first_tokens(trace: "Trace") -> list[int]:
    """Return the indices into the reply of the first token of each content word."""
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
