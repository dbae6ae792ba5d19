"""The projection on any device."""

import torch

from tam.engine.ops.blocks import blocks, on_threads, one_thread

# Number of states that are cast and projected at once.
_STATES_CPU, _STATES = 256, 8192


def projection(
    states: torch.Tensor,
    positions: torch.Tensor,
    head: torch.Tensor,
    ids: torch.Tensor,
    *,
    relu: bool = True,
) -> torch.Tensor:
    """Project selected states onto selected LM-head rows in float32; see :mod:`.naive`.

    Parameters
    ----------
    states, head
        [L, D] and [V, D] of any floating dtypes.
    positions, ids
        int64 [P] and [K].
    relu
        Whether to apply the ReLU.

    Returns
    -------
    float32 [K, P] on the device of ``states``.
    """
    device = states.device
    scores = torch.empty(len(ids), len(positions), device=device)
    with one_thread(device):
        rows = head[ids].to(device).float()

        def project(part: slice) -> None:
            product = rows @ states[positions[part]].float().T
            if not relu:
                scores[:, part] = product
                return
            # 0 · x is NaN if x is not finite, else 0; the ReLU alone would hide -inf.
            poison = product * 0
            torch.add(product.relu_(), poison, out=scores[:, part])

        size = _STATES_CPU if device.type == "cpu" else _STATES
        on_threads(project, blocks(len(positions), size), device)
    return scores
