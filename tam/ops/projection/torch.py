"""The projection on any device."""

import torch


def projection(states: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Project states on LM-head rows, accumulating in float32; see :mod:`.naive`.

    Parameters
    ----------
    states
        [P, D] of any floating dtype.
    rows
        [K, D] of any floating dtype.

    Returns
    -------
    float32 [P, K] on the device of ``states``.
    """
    return (states.float() @ rows.to(states.device).float().T).relu_()
