"""The causal residual of all targets at once, on any device."""

import math

import torch

from tam.engine.ops.blocks import blocks, on_threads, one_thread, row_blocks

# Cells of the context that are cast to the targets' dtype at once on a CPU.
_CELLS_CPU = 512


def causal_residual(
    context_activation: torch.Tensor,
    target_activation: torch.Tensor,
    text_scores: torch.Tensor,
    context_ids: torch.Tensor,
    target_ids: torch.Tensor,
    causal_stop: torch.Tensor,
    cap: float = math.inf,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Subtract from each target's map the part that its earlier words explain; see :mod:`.naive`.

    Parameters
    ----------
    context_activation
        [K, N] of a floating dtype; cast in blocks to the dtype of the targets.
    target_activation, text_scores
        [M, N] and [M, K] of one floating dtype, in which everything is computed.
    context_ids, target_ids, causal_stop
        int64 [K], [M] and [M].
    cap
        The largest scale.

    Returns
    -------
    [M, N] and two [M, 1] of the same dtype.
    """
    device = text_scores.device
    with one_thread(device):
        if device.type == "cpu":
            # Words after every stop have weight 0, so they are left out of the product.
            last = int(causal_stop.max()) if len(causal_stop) else 0
            context_activation, context_ids = context_activation[:last], context_ids[:last]
            text_scores = text_scores[:, :last]
        index = torch.arange(len(context_ids), device=device)
        used = (index < causal_stop[:, None]) & (context_ids != target_ids[:, None])
        weights = torch.where(used, text_scores, 0)
        weights /= weights.sum(1, keepdim=True) + 1e-8
        residual = torch.empty_like(target_activation)
        low, high = residual.new_empty(len(residual), 1), residual.new_empty(len(residual), 1)

        def interfere(part: slice) -> None:
            residual[:, part] = weights @ context_activation[:, part].to(weights.dtype)

        def subtract(rows: slice) -> None:
            part, target = residual[rows], target_activation[rows]
            power = (part * part).sum(1, keepdim=True)
            # If the power is 0, so is the product; dividing by 1 then makes the scale 0.
            scale = (target * part).sum(1, keepdim=True) / torch.where(power > 0, power, 1)
            part.mul_(-scale.clamp(max=cap)).add_(target).relu_()
            low[rows], high[rows] = part.amin(1, keepdim=True), part.amax(1, keepdim=True)

        cells = residual.shape[1]
        size = _CELLS_CPU if device.type == "cpu" else cells
        on_threads(interfere, blocks(cells, size), device)
        on_threads(subtract, row_blocks(len(residual), cells, device), device)
    return residual, low, high
