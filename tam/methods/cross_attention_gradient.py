"""Cross-attention weights times their gradients, for models without vision tokens."""

from dataclasses import replace

import numpy as np
import torch

from tam.explanation.explanation import Explanation
from tam.methods.class_activation import as_matrix
from tam.methods.result import Targets, explained, resolve_targets
from tam.recording.trace import Trace
from tam.replay import Replay

NOTE = (
    "The maps show which patches the word was read from through cross-attention. They are not "
    "token activation maps: this model has no vision token whose state could predict a word."
)


def cross_attention_gradient(trace: Trace, replay: Replay, targets: Targets = None) -> Explanation:
    """Multiply cross-attention weights by the gradient of a word's score with respect to them.

    ``sum_{l, q} mean_h relu(A_lh[q, s] ∂y / ∂A_lh[q, s])`` with A_lh [L, S] the weights of head h
    in cross-attention layer l after the softmax, s a key (one for each patch), and y the word's
    logit at the position that predicted it. It is the rule of arXiv 2103.15679 for one
    cross-attention layer, summed over layers and over all positions q, because a word also depends
    on what earlier positions read. The relevance of earlier words is not known. Maps [K, N]. Cost:
    one forward pass with eager attention and one backward pass for each target.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    """
    asked = resolve_targets(trace, targets)
    run = replay.run(asked, gradients=True, cross_attention=True)
    rows = []
    for gradients in run.gradients(run.attentions):
        pairs = zip(run.attentions, gradients, strict=True)
        layers = [(a * g).detach().float()[0].relu().mean(0).sum(0) for a, g in pairs]
        rows.append(torch.stack(layers).sum(0).cpu().numpy())
    keys = as_matrix(rows, run.attentions[0].shape[-1])
    evidence = np.ascontiguousarray(keys[:, trace.vision.positions])
    found = explained(trace, asked, evidence, {"name": "cross-attention-gradient"})
    notes = [NOTE, *found.provenance.get("notes", ())]
    return replace(found, provenance={**found.provenance, "notes": notes})
