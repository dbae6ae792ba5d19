"""Attention rollout (arXiv 2005.00928)."""

import torch

from tam.explanation.explanation import Explanation
from tam.methods.attention_flow import followed, run_with_attention
from tam.methods.class_activation import as_matrix
from tam.methods.result import Targets, explained, resolve_targets
from tam.recording.trace import Trace
from tam.replay import Replay


def rollout(trace: Trace, replay: Replay, targets: Targets = None) -> Explanation:
    """Multiply the head-averaged attention of all layers.

    Row c of ``R = Π_l (I + mean_h P_lh) / 2``, the topmost layer on the left: P_lh [L, L] are the
    language model's attention weights, I stands for the residual connection, and c is the position
    that predicted the word. Maps [K, N]. Cost: one forward pass.

    Parameters
    ----------
    trace, replay, targets
        See :mod:`tam.methods`.
    """
    asked = resolve_targets(trace, targets)
    run = run_with_attention(replay, [], gradients=False)
    mixing = [weights[0].float().mean(0) for weights in run.attentions]
    positions = trace.text.context_positions
    # The factor 1/2 of each layer only changes the map's scale, which is normalised later.
    rows = [followed(_unit(int(positions[t]), mixing[-1]), mixing).cpu().numpy() for t in asked]
    maps = [row[trace.vision.positions] for row in rows]
    return explained(
        trace, asked, as_matrix(maps, len(trace.vision.positions)), {"name": "rollout"}
    )


def _unit(position: int, like: torch.Tensor) -> torch.Tensor:
    return torch.eye(1, len(like), device=like.device).roll(position, 1)[0]
