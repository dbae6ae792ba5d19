"""The causal residual of all targets at once, on any device."""

import torch


def causal_residual(
    context_activation: torch.Tensor,
    target_activation: torch.Tensor,
    text_scores: torch.Tensor,
    context_ids: torch.Tensor,
    target_ids: torch.Tensor,
    causal_stop: torch.Tensor,
) -> torch.Tensor:
    """Subtract from each target's map what its earlier words explain of it; see :mod:`.naive`.

    Parameters
    ----------
    context_activation, target_activation, text_scores
        [N, K], [N, M] and [K, M] of one floating dtype, which the arithmetic runs in.
    context_ids, target_ids, causal_stop
        int64 [K], [M] and [M].

    Returns
    -------
    [N, M] of the same dtype.
    """
    index = torch.arange(len(context_ids), device=text_scores.device)[:, None]
    used = (index < causal_stop) & (context_ids[:, None] != target_ids)
    weights = torch.where(used, text_scores, 0)
    weights = weights / (weights.sum(0) + 1e-8)
    interference = context_activation @ weights
    power = (interference * interference).sum(0)
    # A power of 0 goes with a product of 0, so dividing by 1 there gives the scale 0.
    scale = (target_activation * interference).sum(0) / torch.where(power > 0, power, 1)
    return interference.mul_(-scale).add_(target_activation).relu_()
