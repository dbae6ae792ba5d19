"""The joint scaling of all targets at once, on any device."""

import torch


def joint_scaling(
    low: torch.Tensor, high: torch.Tensor, text_scores: torch.Tensor, scale_stop: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Find the scale that each target's map and text scores share; see :mod:`.naive`.

    Parameters
    ----------
    low, high, text_scores
        [M], [M] and [M, K] of one floating dtype.
    scale_stop
        int64 [M].

    Returns
    -------
    [M], [M] and [M, K] of the same dtype.
    """
    used = torch.arange(text_scores.shape[1], device=low.device) < scale_stop[:, None]
    if text_scores.shape[1]:
        inf = float("inf")
        low = torch.minimum(low, torch.where(used, text_scores, inf).amin(1))
        high = torch.maximum(high, torch.where(used, text_scores, -inf).amax(1))
    # Where all values are equal the differences are 0, and 0 / 1 is the wanted 0.
    span = torch.where(high > low, high - low, 1)
    return low, span, torch.where(used, (text_scores - low[:, None]) / span[:, None], 0)
