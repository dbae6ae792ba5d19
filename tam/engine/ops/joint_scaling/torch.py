"""The joint scaling of all targets at once, on any device."""

import torch


def joint_scaling(
    low: torch.Tensor, high: torch.Tensor, text_scores: torch.Tensor, scale_stop: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Compute the scale that each target's map and text scores share; see :mod:`.naive`.

    Parameters
    ----------
    low, high, text_scores
        [M, P], [M, P] and [M, K] of one floating dtype.
    scale_stop
        int64 [M].

    Returns
    -------
    [M], [M], [M, K] and [M, K] of the same dtype.
    """
    used = torch.arange(text_scores.shape[1], device=low.device) < scale_stop[:, None]
    least, most = low.amin(1), high.amax(1)
    if text_scores.shape[1]:
        inf = float("inf")
        least = torch.minimum(least, torch.where(used, text_scores, inf).amin(1))
        most = torch.maximum(most, torch.where(used, text_scores, -inf).amax(1))
    # If all values are equal, the differences are 0, and 0 / 1 is the wanted 0.
    span = torch.where(most > least, most - least, 1)
    relevance = torch.where(used, (text_scores - least[:, None]) / span[:, None], 0)
    return least, span, relevance, torch.where(used, text_scores, 0)
