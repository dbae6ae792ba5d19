"""Gradient-weighted relevancy through attention (Chefer et al., arXiv 2103.15679)."""

import torch

from tam.explanation.explanation import Explanation
from tam.methods.attention_flow import followed, run_with_attention
from tam.methods.class_activation import as_matrix
from tam.methods.result import Targets, jointly_explained, resolve_targets
from tam.recording.trace import Trace
from tam.replay import Replay


def relevancy(trace: Trace, replay: Replay, targets: Targets = None) -> Explanation:
    """Follow attention weighted with its positive gradients through all layers.

    ``R ← R + M_l R`` from R = I, layer by layer from below, with ``M_l = mean_h relu(∂y / ∂P_lh ⊙
    P_lh)``: the rule for self-attention, P_lh [L, L] the language model's attention weights, y the
    token's logit. The map is row c of R, c the position that predicted the word; only that row is
    followed down from the top. Maps [K, N] and the relevance of earlier words [K, K], the row's
    entries at their own positions, on one scale. Cost: one forward pass and one backward pass for
    each target.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    """
    asked = resolve_targets(trace, targets)
    run = run_with_attention(replay, asked, gradients=True)
    rows = []
    for target, gradients in zip(asked, run.gradients(run.attentions), strict=True):
        mixing = [
            (weights.detach() * gradient)[0].relu().float().mean(0)
            for weights, gradient in zip(run.attentions, gradients, strict=True)
        ]
        row = torch.zeros(len(mixing[-1]), device=mixing[-1].device)
        row[int(trace.text.context_positions[target])] = 1
        rows.append(followed(row, mixing).cpu().numpy())
    length = run.attentions[0].shape[-1]
    return jointly_explained(trace, asked, as_matrix(rows, length), {"name": "relevancy"})
