"""The joint scaling of all targets at once, on any device."""

import torch


def joint_scaling(
    residual: torch.Tensor, text_scores: torch.Tensor, scale_stop: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scale each target's map and text scores together; see :mod:`.naive`.

    Parameters
    ----------
    residual, text_scores
        [N, M] and [K, M] of one floating dtype, N at least 1.
    scale_stop
        int64 [M].

    Returns
    -------
    [N, M] and [K, M] of the same dtype.
    """
    index = torch.arange(len(text_scores), device=text_scores.device)[:, None]
    used = index < scale_stop
    low, high = residual.amin(0), residual.amax(0)
    if len(text_scores):
        inf = float("inf")
        low = torch.minimum(low, torch.where(used, text_scores, inf).amin(0))
        high = torch.maximum(high, torch.where(used, text_scores, -inf).amax(0))
    # Where all values are equal the differences are 0, and 0 / 1 is the wanted 0.
    span = torch.where(high > low, high - low, 1)
    return (residual - low) / span, torch.where(used, (text_scores - low) / span, 0)
